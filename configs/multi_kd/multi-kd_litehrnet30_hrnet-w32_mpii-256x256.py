# Lite-HRNet-30 has more modules in each stage than Lite-HRNet-18, and the same channels and strides.
_base_ = ['multi-kd_litehrnet18_hrnet-w32_mpii-256x256.py']

model = dict(backbone=dict(extra=dict(stages_spec=dict(num_modules=(3, 8, 3)))))
