# RKD on the last stages: its authors' weights of 25 and 50, which harm here, divided by 100.
_base_ = ['kd_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_fkd=dict(
            type='FeatureObjective',
            weight=0.01,
            student_taps=['backbone.layer4'],
            teacher_taps=['backbone.stage4.2.branches.3'],
            loss=dict(type='RKDLoss'))))
