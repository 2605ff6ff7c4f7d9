_base_ = ['kd.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_fea=dict(
            type='FeatureObjective',
            weight=dict(type='Linear', start=0.03, end=0., by_epoch=True),
            student_taps=['backbone.layer4'],
            teacher_taps=['backbone.stage4.2.branches.3'],
            student_channels=[128],
            teacher_channels=[256],
            student_strides=[16],
            teacher_strides=[32],
            connector=dict(type='ConvAligner')),
        loss_logit=dict(
            type='OutputObjective',
            weight=dict(type='Linear', start=0.1 * 256 / 64, end=0., by_epoch=True),
            loss=dict(type='SimDRKLLoss'))))
