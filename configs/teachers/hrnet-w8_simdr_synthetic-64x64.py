# A small HRNet for the drawn people.
_base_ = [
    '../_base_/schedules/cosine_60e.py',
    '../_base_/datasets/synthetic_coco17.py',
    '../_base_/models/hrnet-w32_simdr.py',
]

model = dict(
    backbone=dict(
        extra=dict(
            stage1=dict(num_blocks=(1, ), num_channels=(8, )),
            stage2=dict(num_blocks=(1, 1), num_channels=(8, 16)),
            stage3=dict(num_modules=1, num_blocks=(1, 1, 1), num_channels=(8, 16, 32)),
            stage4=dict(num_modules=1, num_blocks=(1, 1, 1, 1), num_channels=(8, 16, 32, 64))),
        init_cfg=None),
    head=dict(in_channels=8, out_channels=17, decoder=_base_.codec),
    test_cfg=dict(flip_test=False))

train_cfg = dict(max_epochs=10, val_interval=2)
optim_wrapper = dict(optimizer=dict(lr=3e-3), clip_grad=dict(max_norm=5))
default_hooks = dict(checkpoint=dict(interval=2, save_best='pck@0.05/PCK', rule='greater', max_keep_ckpts=2))
