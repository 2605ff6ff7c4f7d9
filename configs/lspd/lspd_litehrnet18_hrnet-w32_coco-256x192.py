# With a teacher beside the last stage: HRNet-W32 teaches all stages.
_base_ = ['lspd_litehrnet18_coco-256x192.py']

model = dict(
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_heatmap_coco-256x192.py',
        checkpoint='work_dirs/hrnet-w32_heatmap_coco-256x192/epoch_210.pth',
        channels_last=True),
    objectives={
        f'loss_teacher{t + 1}': dict(
            type='OutputObjective', student_output=f'outputs[{t}]', loss=dict(type='HeatmapKDLoss'), weight=1.0)
        for t in range(3)
    })
