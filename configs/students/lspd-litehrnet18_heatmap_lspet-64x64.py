# Lite-HRNet-18 and LSPD's first stage, on small crops.
_base_ = [
    '../_base_/schedules/cosine_60e.py',
    '../_base_/datasets/lspet_heatmap_64x64.py',
    '../_base_/models/lspd-litehrnet18_heatmap.py',
]

model = dict(
    backbone=dict(num_keypoints=14),
    head=dict(in_channels=14, out_channels=14, decoder=_base_.codec),
    test_cfg=dict(flip_test=False))

default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater', max_keep_ckpts=2))
