# A shallow HRNet of half the width of HRNet-W32 with its blocks in four groups: on a CPU faster than Lite-HRNet-18,
# which has fewer operations (docs/speed.md).
_base_ = [
    '../_base_/schedules/adam_210e.py',
    '../_base_/datasets/coco_256x192.py',
    '../_base_/models/hrnet-w32_simdr.py',
]

model = dict(
    backbone=dict(
        type='ShuffleHRNet',
        groups=4,
        extra=dict(
            stage1=dict(num_blocks=(1, ), num_channels=(16, )),
            stage2=dict(num_blocks=(2, 2), num_channels=(16, 32)),
            stage3=dict(num_modules=2, num_blocks=(2, 2, 2), num_channels=(16, 32, 64)),
            stage4=dict(num_modules=1, num_blocks=(2, 2, 2, 2), num_channels=(16, 32, 64, 128))),
        init_cfg=None),
    head=dict(in_channels=16, out_channels=17, decoder=_base_.codec))

train_dataloader = dict(batch_size=64)
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater', max_keep_ckpts=2))
