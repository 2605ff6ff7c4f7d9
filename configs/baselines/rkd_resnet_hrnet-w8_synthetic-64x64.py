# RKD on the last stage, 25 for distances and 50 for angles as its authors have it for classification.
_base_ = ['kd_resnet_hrnet-w8_synthetic-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_rkd=dict(
            type='FeatureObjective',
            weight=1.0,
            student_taps=['backbone.layer4'],
            teacher_taps=['backbone.stage4.0.branches.3'],
            loss=dict(type='RKDLoss', distance_weight=25., angle_weight=50.))))
