# SimpleBaseline (Xiao et al., ECCV 2018) with ResNet-18, as in MMPose. Whoever inherits sets the head's `out_channels`
# and `decoder`. The backbone starts from ImageNet weights; without a network set
# model.backbone.init_cfg=None
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet18')),
    head=dict(type='HeatmapHead', in_channels=512, loss=dict(type='KeypointMSELoss', use_target_weight=True)),
    train_cfg=dict(compute_acc=False),  # in every step, by NumPy: a GPU would wait for it
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True))
