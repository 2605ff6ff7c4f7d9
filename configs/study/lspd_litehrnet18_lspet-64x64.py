_base_ = ['../students/lspd-litehrnet18_heatmap_lspet-64x64.py']

model = dict(
    type='MultiKDDistiller',
    backbone=dict(num_stages=3),
    head=dict(type='LSPDHead', num_stages=3),
    objectives={
        f'loss_stage{t + 1}': dict(
            type='OutputObjective',
            teacher='student',
            student_output=f'outputs[{t}]',
            teacher_output='outputs[-1]',
            loss=dict(type='HeatmapKDLoss'),
            weight=dict(type='GaussianRamp', start=0., end=1., until=0.4))
        for t in range(2)
    })
