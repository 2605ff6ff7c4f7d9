_base_ = ['../students/resnet_simdr_synthetic-64x64.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w8_simdr_synthetic-64x64.py',
        checkpoint='work_dirs/hrnet-w8_simdr_synthetic-64x64/epoch_10.pth'),
    objectives=dict(
        # Eq. 5 on layer-normalised features. On raw ones the paper's weight would be 0.005 * 128 / 17, and
        # 0.04 * 128 / 32 below.
        loss_fkd=dict(
            type='CrossStageObjective',
            weight=4.0,
            student_taps=['backbone.layer2', 'backbone.layer3', 'backbone.layer4'],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]', 'backbone.stage4.0.branches.3'],
            student_channels=[16, 32, 64],
            teacher_channels=[16, 32, 64],
            student_strides=[8, 16, 16],
            teacher_strides=[8, 16, 32],
            connector=dict(type='MFTConnector'),
            loss=dict(type='FeatureMSELoss', normalize='layer'),
            allocation=dict(type='WeightAllocation', batch_size=_base_.train_dataloader.batch_size)),
        loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=1.0)))  # Eq. 7
