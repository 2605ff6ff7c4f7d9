_base_ = ['../students/resnet18_heatmap_coco-256x192.py']

model = dict(
    type='MultiKDDistiller',
    head=dict(type='ChannelDropoutHead', drop_ratio=0.15),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/resnet152_heatmap_coco-256x192.py',
        checkpoint='work_dirs/resnet152_heatmap_coco-256x192/epoch_210.pth',
        channels_last=True),
    objectives=dict(
        # intermediate: rebuild the teacher's middle map (stride 16) from 85 % of the student's channels. The weight was
        # 0.4 times the first loss of the labels, pi sigma^2 / (H W) of Gaussian heatmaps, where it was tuned
        loss_fkd=dict(
            type='FeatureObjective',
            weight=0.4 * 3.14 * 2**2 / (64 * 48),
            student_taps=['backbone.layer3'],
            teacher_taps=['backbone.layer3'],
            student_channels=[256],
            teacher_channels=[1024],
            connector=dict(type='ChannelDropoutConnector', drop_ratio=0.15),
            loss=dict(type='FeatureMSELoss', normalize='layer')),
        # final: heatmaps predicted without 15 % of the last channels against the teacher's
        loss_okd=dict(
            type='OutputObjective',
            weight=0.5,
            student_output='head.dropped',
            loss=dict(type='HeatmapKDLoss'))))
