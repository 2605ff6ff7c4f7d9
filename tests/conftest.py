import mmpose_kd  # noqa: F401  registers everything, repairs the environment first
