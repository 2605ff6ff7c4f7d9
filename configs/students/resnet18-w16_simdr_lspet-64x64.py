# A ResNet-18 of a quarter of its width on small crops: 0.8 M parameters, small enough to be compared on a CPU.
_base_ = ['../_base_/schedules/cosine_60e.py', '../_base_/datasets/lspet_64x64_views.py']

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, stem_channels=16, base_channels=16, strides=(1, 2, 2, 1)),
    head=dict(
        type='SimDRHead',
        in_channels=128,
        in_stride=16,
        out_channels=14,
        deconv_out_channels=(64, ),
        deconv_kernel_sizes=(4, ),
        decoder=_base_.codec),
    test_cfg=dict(flip_test=False))

default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater', max_keep_ckpts=2))
