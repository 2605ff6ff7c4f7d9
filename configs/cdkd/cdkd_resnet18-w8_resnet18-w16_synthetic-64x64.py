_base_ = ['../students/resnet18-w8_heatmap_synthetic-64x64.py']

model = dict(
    type='MultiKDDistiller',
    head=dict(type='ChannelDropoutHead', drop_ratio=0.15),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/resnet18-w16_heatmap_synthetic-64x64.py',
        checkpoint='work_dirs/resnet18-w16_heatmap_synthetic-64x64/epoch_10.pth',
        channels_last=True),
    objectives=dict(
        # intermediate: rebuild the teacher's last map of stride 16 from 85 % of the student's channels. The weight
        # is MGD's 7e-5 times channels, height and width, since our loss is their mean
        loss_fkd=dict(
            type='FeatureObjective',
            weight=7e-5 * 128 * 4 * 4,
            student_taps=['backbone.layer4'],
            teacher_taps=['backbone.layer4'],
            student_channels=[64],
            teacher_channels=[128],
            connector=dict(type='ChannelDropoutConnector', drop_ratio=0.15)),
        # final: heatmaps predicted without 15 % of the last channels against the teacher's
        loss_okd=dict(
            type='OutputObjective',
            weight=0.5,
            student_output='head.dropped',
            loss=dict(type='HeatmapKDLoss'))))
