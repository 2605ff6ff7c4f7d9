_base_ = ['../students/shuffle-hrnet-w32-g4_simdr_lspet-128x128.py']

a = 0.5  # (1 - a) times the loss of the labels plus a times the loss of the teacher
model = dict(
    type='MultiKDDistiller',
    head=dict(loss=dict(type='SimDRLoss', loss_weight=1 - a)),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_lspet-128x128.py',
        checkpoint='work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth',
        channels_last=True),
    objectives=dict(loss_okd=dict(type='OutputObjective', weight=a, loss=dict(type='SimDRKLLoss'))))
