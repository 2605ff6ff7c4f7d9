_base_ = ['../students/litehrnet18_simdr_lspet-128x128.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_lspet-128x128.py',
        checkpoint='work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth',
        channels_last=True),
    objectives=dict(
        # Eq. 5, on the newest (coarsest) branch of three stages. The weight is the paper's alpha * bins / joints, since
        # our losses are means where the paper's are sums: docs/equations_multi_kd.md
        loss_fkd=dict(
            type='CrossStageObjective',
            weight=0.005 * 256 / 14,
            student_taps=['backbone.stage0[-1]', 'backbone.stage1[-1]', 'backbone.stage2[-1]'],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]', 'backbone.stage4.2.branches.3'],
            student_channels=[80, 160, 320],
            teacher_channels=[64, 128, 256],
            student_strides=[8, 16, 32],
            teacher_strides=[8, 16, 32],
            connector=dict(type='MFTConnector'),
            allocation=dict(type='WeightAllocation', batch_size=_base_.train_dataloader.batch_size)),
        # Eq. 7; the paper's beta * bins / its batch size
        loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=0.04 * 256 / 32)))
