_base_ = ['../students/resnet18-w16_heatmap_lspet-64x64.py']

model = dict(
    type='MultiKDDistiller',
    head=dict(type='OKDHPHead'),
    objectives={
        f'loss_branch{b}': dict(
            type='OutputObjective',
            teacher='student',
            student_output=f'outputs[{b}]',
            teacher_output='head.ensemble',
            loss=dict(type='HeatmapKDLoss', mode='kl'),
            weight=dict(type='GaussianRamp', start=0., end=2., until=0.4))
        for b in range(3)
    })
