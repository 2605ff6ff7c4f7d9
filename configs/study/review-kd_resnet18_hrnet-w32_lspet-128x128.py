# ReviewKD for a whole ResNet-18, with the weight that was chosen for one of a quarter of its width at 64x64.
_base_ = ['kd_resnet18_hrnet-w32_lspet-128x128.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_review=dict(
            type='ReviewKDObjective',
            weight=dict(type='WarmUp', weight=0.1, until=0.1),
            student_taps=['backbone.layer2', 'backbone.layer3', 'backbone.layer4'],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]', 'backbone.stage4.2.branches.3'],
            student_channels=[128, 256, 512],
            teacher_channels=[64, 128, 256],
            student_strides=[8, 16, 32],
            teacher_strides=[8, 16, 32])))
