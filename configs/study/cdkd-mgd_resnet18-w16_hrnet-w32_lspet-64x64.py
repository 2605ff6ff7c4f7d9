# CDKD in the form and with the weight of MGD: raw features of the last stages.
_base_ = ['../students/resnet18-w16_heatmap_lspet-64x64.py']

model = dict(
    type='MultiKDDistiller',
    head=dict(type='ChannelDropoutHead', drop_ratio=0.15),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_heatmap_lspet-64x64.py',
        checkpoint='work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth',
        channels_last=True),
    objectives=dict(
        loss_fkd=dict(
            type='FeatureObjective',
            weight=7e-5 * 256 * 2 * 2,  # MGD's weight of a sum
            student_taps=['backbone.layer4'],
            teacher_taps=['backbone.stage4.2.branches.3'],
            student_channels=[128],
            teacher_channels=[256],
            student_strides=[16],
            teacher_strides=[32],
            connector=dict(type='ChannelDropoutConnector', drop_ratio=0.15)),
        loss_okd=dict(
            type='OutputObjective',
            weight=0.5,
            student_output='head.dropped',
            loss=dict(type='HeatmapKDLoss'))))
