# RKD on the last stage, 25 for distances and 50 for angles as its authors have it for classification.
_base_ = ['kd_litehrnet18_hrnet-w32_mpii-256x256.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_rkd=dict(
            type='FeatureObjective',
            weight=1.0,
            student_taps=['backbone.stage2[-1]'],
            teacher_taps=['backbone.stage4.2.branches.3'],
            loss=dict(type='RKDLoss', distance_weight=25., angle_weight=50.))))
