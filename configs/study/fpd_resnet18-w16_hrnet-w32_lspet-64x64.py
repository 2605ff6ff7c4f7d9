# FPD, the loss of S-HRNet's configs: half from the labels, half from the teacher.
_base_ = ['../students/resnet18-w16_heatmap_lspet-64x64.py']

model = dict(
    type='MultiKDDistiller',
    head=dict(loss=dict(loss_weight=0.5)),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_heatmap_lspet-64x64.py',
        checkpoint='work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth',
        channels_last=True),
    objectives=dict(loss_okd=dict(type='OutputObjective', weight=0.5, loss=dict(type='HeatmapKDLoss'))))
