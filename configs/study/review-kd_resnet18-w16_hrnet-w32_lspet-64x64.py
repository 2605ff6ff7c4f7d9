# ReviewKD: every stage from the fused deeper ones. The features are raw, with mean squares of 4 to 54: a small weight.
_base_ = ['kd_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_review=dict(
            type='ReviewKDObjective',
            weight=dict(type='WarmUp', weight=0.1, until=0.1),
            student_taps=['backbone.layer2', 'backbone.layer3', 'backbone.layer4'],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]', 'backbone.stage4.2.branches.3'],
            student_channels=[32, 64, 128],
            teacher_channels=[64, 128, 256],
            student_strides=[8, 16, 16],
            teacher_strides=[8, 16, 32])))
