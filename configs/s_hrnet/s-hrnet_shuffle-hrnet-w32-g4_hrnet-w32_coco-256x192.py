_base_ = ['../students/shuffle-hrnet-w32-g4_heatmap_coco-256x192.py']

a = 0.5  # (1 - a) times the loss of the labels plus a times the loss of the teacher
model = dict(
    type='MultiKDDistiller',
    head=dict(loss=dict(loss_weight=1 - a)),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_heatmap_coco-256x192.py',
        checkpoint='work_dirs/hrnet-w32_heatmap_coco-256x192/epoch_210.pth',
        channels_last=True),
    objectives=dict(loss_okd=dict(type='OutputObjective', weight=a, loss=dict(type='HeatmapKDLoss', mode='mse'))))
