_base_ = [
    '../_base_/schedules/adam_300e.py',
    '../_base_/datasets/mpii_256x256.py',
    '../_base_/models/hrnet-w48_simdr.py',
]

model = dict(head=dict(out_channels=16, decoder=_base_.codec))

default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater', max_keep_ckpts=2))
