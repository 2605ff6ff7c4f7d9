_base_ = ['../students/lspd-litehrnet18_heatmap_coco-256x192.py']

model = dict(
    type='MultiKDDistiller',
    backbone=dict(num_stages=3),
    head=dict(type='LSPDHead', num_stages=3),
    # the last stage's heatmaps teach each earlier stage; the weight rises as OKDHP's does
    objectives={
        f'loss_stage{t + 1}': dict(
            type='OutputObjective',
            teacher='student',
            student_output=f'outputs[{t}]',
            teacher_output='outputs[-1]',
            loss=dict(type='HeatmapKDLoss'),
            weight=dict(type='GaussianRamp', start=0., end=1., until=60, by_epoch=True))
        for t in range(2)
    })
