# AT, attention transfer, at strides 8 and 16: its authors' weight of 1000 over the positions of each map.
_base_ = ['kd_resnet_hrnet-w8_synthetic-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_at1=dict(
            type='FeatureObjective',
            weight=1000 / (8 * 8),
            student_taps=['backbone.layer2'],
            teacher_taps=['backbone.stage2[-1]'],
            loss=dict(type='AttentionTransferLoss')),
        loss_at2=dict(
            type='FeatureObjective',
            weight=1000 / (4 * 4),
            student_taps=['backbone.layer3'],
            teacher_taps=['backbone.stage3[-1]'],
            loss=dict(type='AttentionTransferLoss'))))
