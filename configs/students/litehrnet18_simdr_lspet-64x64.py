# Lite-HRNet-18 on small crops, to be compared with ShuffleHRNet there.
_base_ = [
    '../_base_/schedules/cosine_60e.py',
    '../_base_/datasets/lspet_64x64_views.py',
    '../_base_/models/litehrnet18_simdr.py',
]

model = dict(head=dict(out_channels=14, decoder=_base_.codec), test_cfg=dict(flip_test=False))

default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater', max_keep_ckpts=2))
