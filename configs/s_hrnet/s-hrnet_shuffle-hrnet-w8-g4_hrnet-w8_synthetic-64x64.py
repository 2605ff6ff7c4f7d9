_base_ = ['../students/shuffle-hrnet-w8-g4_heatmap_synthetic-64x64.py']

a = 0.5  # (1 - a) times the loss of the labels plus a times the loss of the teacher
model = dict(
    type='MultiKDDistiller',
    head=dict(loss=dict(loss_weight=1 - a)),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w8_heatmap_synthetic-64x64.py',
        checkpoint='work_dirs/hrnet-w8_heatmap_synthetic-64x64/epoch_10.pth',
        channels_last=True),
    objectives=dict(loss_okd=dict(type='OutputObjective', weight=a, loss=dict(type='HeatmapKDLoss', mode='mse'))))
