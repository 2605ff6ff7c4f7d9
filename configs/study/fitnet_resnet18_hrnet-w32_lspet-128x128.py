# FitNets' hint for a whole ResNet-18, with the weight that was chosen for one of a quarter of its width at 64x64.
_base_ = ['kd_resnet18_hrnet-w32_lspet-128x128.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_fkd=dict(
            type='FeatureObjective',
            weight=4.0,
            student_taps=['backbone.layer3'],
            teacher_taps=['backbone.stage3[-1]'],
            student_channels=[256],
            teacher_channels=[128],
            connector=dict(type='ConvAligner'),
            loss=dict(type='FeatureMSELoss', normalize='layer'))))
