_base_ = ['../students/shuffle-hrnet-w16-g4_simdr_lspet-64x64.py']

model = dict(
    type='MultiKDDistiller',
    head=dict(loss=dict(type='SimDRLoss', loss_weight=0.5)),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_lspet-64x64.py',
        checkpoint='work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth',
        channels_last=True),
    objectives=dict(loss_okd=dict(type='OutputObjective', weight=0.5, loss=dict(type='SimDRKLLoss'))))
