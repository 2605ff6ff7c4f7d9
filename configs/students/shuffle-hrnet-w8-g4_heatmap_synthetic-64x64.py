# The small HRNet of the drawn people with its blocks in four groups.
_base_ = ['../teachers/hrnet-w8_heatmap_synthetic-64x64.py']

model = dict(backbone=dict(type='ShuffleHRNet', groups=4))

train_cfg = dict(max_epochs=8)
