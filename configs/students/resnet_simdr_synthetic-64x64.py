# A ResNet-18 of an eighth of its width on the drawn people: it trains on a CPU in minutes.
_base_ = ['../_base_/schedules/cosine_60e.py', '../_base_/datasets/synthetic_coco17.py']

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8, strides=(1, 2, 2, 1)),
    head=dict(
        type='SimDRHead',
        in_channels=64,
        in_stride=16,
        out_channels=17,
        deconv_out_channels=(32, ),
        deconv_kernel_sizes=(4, ),
        decoder=_base_.codec),
    test_cfg=dict(flip_test=False))

train_cfg = dict(max_epochs=8, val_interval=2)
optim_wrapper = dict(optimizer=dict(lr=3e-3), clip_grad=dict(max_norm=5))
default_hooks = dict(checkpoint=dict(interval=2, save_best='pck@0.05/PCK', rule='greater', max_keep_ckpts=2))
