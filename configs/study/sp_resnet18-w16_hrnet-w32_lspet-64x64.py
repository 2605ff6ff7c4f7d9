# SP, similarity preserving, on the last stages. Its authors' weight, 3000 over the batch size of 32, harms here.
_base_ = ['kd_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_fkd=dict(
            type='FeatureObjective',
            weight=0.9,
            student_taps=['backbone.layer4'],
            teacher_taps=['backbone.stage4.2.branches.3'],
            loss=dict(type='SimilarityLoss'))))
