# ReviewKD on three stages, weighted and warmed up as in its authors' code: 1, reached after 20 of 240 epochs.
_base_ = ['kd_resnet_hrnet-w8_synthetic-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_review=dict(
            type='ReviewKDObjective',
            weight=dict(type='WarmUp', weight=1.0, until=20 / 240),
            student_taps=['backbone.layer2', 'backbone.layer3', 'backbone.layer4'],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]', 'backbone.stage4.0.branches.3'],
            student_channels=[16, 32, 64],
            teacher_channels=[16, 32, 64],
            student_strides=[8, 16, 16],
            teacher_strides=[8, 16, 32],
            connector=dict(type='ABFConnector'),
            loss=dict(type='HCLLoss'))))
