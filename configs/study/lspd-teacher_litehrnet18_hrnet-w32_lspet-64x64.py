# LSPD with a teacher beside its last stage: HRNet-W32 teaches all three.
_base_ = ['lspd_litehrnet18_lspet-64x64.py']

model = dict(
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_heatmap_lspet-64x64.py',
        checkpoint='work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth',
        channels_last=True),
    objectives={
        f'loss_teacher{t + 1}': dict(
            type='OutputObjective', student_output=f'outputs[{t}]', loss=dict(type='HeatmapKDLoss'), weight=1.0)
        for t in range(3)
    })
