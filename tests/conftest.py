import sys
from pathlib import Path

import mmpose_kd  # noqa: F401  registers everything, repairs the environment first

sys.path.insert(0, str(Path(__file__).parent))  # tests import tiny.py by name
