# LSPD's first stage and the teacher of lspd-teacher, without the later stages: what of the gain is the teacher's?
_base_ = ['../students/lspd-litehrnet18_heatmap_lspet-64x64.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_heatmap_lspet-64x64.py',
        checkpoint='work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth',
        channels_last=True),
    objectives=dict(loss_teacher=dict(type='OutputObjective', loss=dict(type='HeatmapKDLoss'), weight=1.0)))
