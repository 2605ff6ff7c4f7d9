_base_ = ['../students/litehrnet18_simdr_lspet-128x128.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='../teachers/hrnet-w32_simdr_lspet-128x128.py',
        checkpoint='work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth',
        channels_last=True),
    objectives=dict(
        loss_fkd=dict(  # Eq. 5
            type='CrossStageObjective',
            weight=0.005 * 256 / 14,  # alpha * bins / joints, see docs/equations_multi_kd.md
            student_taps=['backbone.stage0[-1]', 'backbone.stage1[-1]', 'backbone.stage2[-1]'],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]', 'backbone.stage4.2.branches.3'],
            student_channels=[80, 160, 320],
            teacher_channels=[64, 128, 256],
            student_strides=[8, 16, 32],
            teacher_strides=[8, 16, 32],
            connector=dict(type='MFTConnector'),
            allocation=dict(type='WeightAllocation', batch_size=32)),
        loss_vkd=dict(  # Eq. 7
            type='OutputObjective',
            loss=dict(type='SimDRKLLoss'),
            weight=0.04 * 256 / 32)))  # beta * bins / batch size of the paper
