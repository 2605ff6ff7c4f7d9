# AT, attention transfer, at strides 8 and 16. With its authors' weight, about 40 on this scale, it gains nothing here.
_base_ = ['kd_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_fkd=dict(
            type='FeatureObjective',
            weight=0.4,
            student_taps=['backbone.layer2', 'backbone.layer3'],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]'],
            loss=dict(type='AttentionTransferLoss'))))
