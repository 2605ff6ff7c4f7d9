# FitNets' hint: the teacher's middle stage from the student's, by mean squared error of layer-normalised features.
_base_ = ['kd_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_fkd=dict(
            type='FeatureObjective',
            weight=4.0,
            student_taps=['backbone.layer3'],
            teacher_taps=['backbone.stage3[-1]'],
            student_channels=[64],
            teacher_channels=[128],
            connector=dict(type='ConvAligner'),
            loss=dict(type='FeatureMSELoss', normalize='layer'))))
