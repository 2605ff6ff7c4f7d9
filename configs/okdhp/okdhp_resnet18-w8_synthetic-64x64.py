_base_ = ['../students/resnet18-w8_heatmap_synthetic-64x64.py']

model = dict(
    type='MultiKDDistiller',
    head=dict(type='OKDHPHead', ensemble_channels=32),
    # the ensemble of the three branches teaches each of them
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
