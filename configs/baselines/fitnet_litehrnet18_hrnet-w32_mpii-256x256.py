# FitNet, a hint at the middle stage: mean squared error with Multi-KD's alpha * bins / joints, as a pair of its Eq. 1.
_base_ = ['kd_litehrnet18_hrnet-w32_mpii-256x256.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_hint=dict(
            type='FeatureObjective',
            weight=0.005 * 512 / 16,
            student_taps=['backbone.stage1[-1]'],
            teacher_taps=['backbone.stage3[-1]'],
            student_channels=[160],
            teacher_channels=[128],
            connector=dict(type='ConvAligner'),
            loss=dict(type='FeatureMSELoss'))))
