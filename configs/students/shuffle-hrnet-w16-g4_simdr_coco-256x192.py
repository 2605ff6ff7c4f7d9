# A shallow HRNet of half the width of HRNet-W32 with its blocks in four groups: on a CPU faster than Lite-HRNet-18,
# which has fewer operations (docs/speed.md).
_base_ = [
    '../_base_/schedules/adam_210e.py',
    '../_base_/datasets/coco_256x192.py',
    '../_base_/models/shuffle-hrnet-w16-g4_simdr.py',
]

model = dict(head=dict(out_channels=17, decoder=_base_.codec))

train_dataloader = dict(batch_size=64)
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater', max_keep_ckpts=2))
