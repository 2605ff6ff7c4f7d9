# Multi-KD of the paper's own student, with the weights of the ResNet-18-w16, on layer-normalised features.
_base_ = ['kd_litehrnet18_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        loss_fkd=dict(
            type='CrossStageObjective',
            weight=4.0,
            student_taps=['backbone.stage0[-1]', 'backbone.stage1[-1]', 'backbone.stage2[-1]'],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]', 'backbone.stage4.2.branches.3'],
            student_channels=[80, 160, 320],
            teacher_channels=[64, 128, 256],
            student_strides=[8, 16, 32],
            teacher_strides=[8, 16, 32],
            connector=dict(type='MFTConnector'),
            allocation=dict(type='WeightAllocation', batch_size=_base_.train_dataloader.batch_size),
            loss=dict(type='FeatureMSELoss', normalize='layer'))))
