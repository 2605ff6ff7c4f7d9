# ReviewKD on three stages, weighted and warmed up as in its authors' code: 1, reached after 20 of 240 epochs.
_base_ = ['kd_litehrnet18_hrnet-w32_coco-256x192.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_review=dict(
            type='ReviewKDObjective',
            weight=dict(type='WarmUp', weight=1.0, until=20 / 240),
            student_taps=['backbone.stage0[-1]', 'backbone.stage1[-1]', 'backbone.stage2[-1]'],
            teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]', 'backbone.stage4.2.branches.3'],
            student_channels=[80, 160, 320],
            teacher_channels=[64, 128, 256],
            student_strides=[8, 16, 32],
            teacher_strides=[8, 16, 32],
            connector=dict(type='ABFConnector'),
            loss=dict(type='HCLLoss'))))
