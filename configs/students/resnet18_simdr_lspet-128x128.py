# A whole ResNet-18 with two deconvolutions of 128 channels.
_base_ = ['../_base_/schedules/cosine_60e.py', '../_base_/datasets/lspet_128x128_views.py']

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18),
    head=dict(
        type='SimDRHead',
        in_channels=512,
        in_stride=32,
        out_channels=14,
        deconv_out_channels=(128, 128),
        deconv_kernel_sizes=(4, 4),
        decoder=_base_.codec),
    test_cfg=dict(flip_test=False))

default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater', max_keep_ckpts=2))
