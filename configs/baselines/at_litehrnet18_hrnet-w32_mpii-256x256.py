# AT, attention transfer, at strides 8, 16 and 32: its authors' weight of 1000 over the positions of each map.
_base_ = ['kd_litehrnet18_hrnet-w32_mpii-256x256.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_at1=dict(
            type='FeatureObjective',
            weight=1000 / (32 * 32),
            student_taps=['backbone.stage0[-1]'],
            teacher_taps=['backbone.stage2[-1]'],
            loss=dict(type='AttentionTransferLoss')),
        loss_at2=dict(
            type='FeatureObjective',
            weight=1000 / (16 * 16),
            student_taps=['backbone.stage1[-1]'],
            teacher_taps=['backbone.stage3[-1]'],
            loss=dict(type='AttentionTransferLoss')),
        loss_at3=dict(
            type='FeatureObjective',
            weight=1000 / (8 * 8),
            student_taps=['backbone.stage2[-1]'],
            teacher_taps=['backbone.stage4.2.branches.3'],
            loss=dict(type='AttentionTransferLoss'))))
