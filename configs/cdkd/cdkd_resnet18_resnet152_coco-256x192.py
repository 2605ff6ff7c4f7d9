_base_ = ['../students/resnet18_heatmap_coco-256x192.py']

model = dict(
    type='MultiKDDistiller',
    head=dict(type='ChannelDropoutHead', drop_ratio=0.15),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/resnet152_heatmap_coco-256x192.py',
        checkpoint='work_dirs/resnet152_heatmap_coco-256x192/epoch_210.pth',
        channels_last=True),
    objectives=dict(
        # intermediate: rebuild the teacher's last map of stride 32 from 85 % of the student's channels. The weight
        # is MGD's 7e-5 times channels, height and width, since our loss is their mean
        loss_fkd=dict(
            type='FeatureObjective',
            weight=7e-5 * 2048 * 8 * 6,
            student_taps=['backbone.layer4'],
            teacher_taps=['backbone.layer4'],
            student_channels=[512],
            teacher_channels=[2048],
            connector=dict(type='ChannelDropoutConnector', drop_ratio=0.15)),
        # final: heatmaps predicted without 15 % of the last channels against the teacher's
        loss_okd=dict(
            type='OutputObjective',
            weight=0.5,
            student_output='head.dropped',
            loss=dict(type='HeatmapKDLoss'))))
