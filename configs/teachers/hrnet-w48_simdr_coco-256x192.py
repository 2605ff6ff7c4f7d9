_base_ = [
    '../_base_/schedules/adam_300e.py',
    '../_base_/datasets/coco_256x192.py',
    '../_base_/models/hrnet-w48_simdr.py',
]

model = dict(head=dict(out_channels=17, decoder=_base_.codec))

default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater', max_keep_ckpts=2))
