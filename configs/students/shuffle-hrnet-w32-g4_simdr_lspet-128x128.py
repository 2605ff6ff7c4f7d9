_base_ = ['../teachers/hrnet-w32_simdr_lspet-128x128.py']

model = dict(backbone=dict(type='ShuffleHRNet', groups=4))
