# A shallow HRNet of half the width of HRNet-W32 with its blocks in four groups, on small crops.
_base_ = [
    '../_base_/schedules/cosine_60e.py',
    '../_base_/datasets/lspet_64x64_views.py',
    '../_base_/models/shuffle-hrnet-w16-g4_simdr.py',
]

model = dict(head=dict(out_channels=14, decoder=_base_.codec), test_cfg=dict(flip_test=False))

default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater', max_keep_ckpts=2))
