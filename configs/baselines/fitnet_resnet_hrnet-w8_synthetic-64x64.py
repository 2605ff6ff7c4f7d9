# FitNet, a hint at the middle stage: layer-normalised, with the weight of multi-kd_resnet_hrnet-w8_synthetic-64x64.
_base_ = ['kd_resnet_hrnet-w8_synthetic-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_hint=dict(
            type='FeatureObjective',
            weight=4.0,
            student_taps=['backbone.layer3'],
            teacher_taps=['backbone.stage3[-1]'],
            student_channels=[32],
            teacher_channels=[32],
            connector=dict(type='ConvAligner'),
            loss=dict(type='FeatureMSELoss', normalize='layer'))))
