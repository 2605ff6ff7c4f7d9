# LSPD, with the heatmaps of a teacher and its features, each stage of the backbone from each up to its own. The weight
# is that of CDKD's middle stage, shared by six distances.
_base_ = ['lspd-teacher_litehrnet18_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        loss_fkd=dict(
            type='CrossStageObjective',
            weight=0.005 / 6,
            student_taps=[f'backbone.backbone.stage{stage}[-1]' for stage in range(3)],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]', 'backbone.stage4.2.branches.3'],
            student_channels=[80, 160, 320],
            teacher_channels=[64, 128, 256],
            student_strides=[8, 16, 32],
            teacher_strides=[8, 16, 32],
            connector=dict(type='ConvAligner'),
            loss=dict(type='FeatureMSELoss', normalize='layer'))))
