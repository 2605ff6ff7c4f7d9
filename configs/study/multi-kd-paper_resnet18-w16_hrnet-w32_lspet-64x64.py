# Multi-KD with the paper's weights: alpha * bins / joints and beta * bins / batch size, on raw features.
_base_ = ['kd_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        loss_vkd=dict(weight=0.04 * 128 / 32),
        loss_fkd=dict(
            type='CrossStageObjective',
            weight=0.005 * 128 / 14,
            student_taps=['backbone.layer2', 'backbone.layer3', 'backbone.layer4'],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]', 'backbone.stage4.2.branches.3'],
            student_channels=[32, 64, 128],
            teacher_channels=[64, 128, 256],
            student_strides=[8, 16, 16],
            teacher_strides=[8, 16, 32],
            connector=dict(type='MFTConnector'),
            allocation=dict(type='WeightAllocation', batch_size=32))))
