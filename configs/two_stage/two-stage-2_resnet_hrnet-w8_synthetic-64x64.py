# Stage 2: the student of stage 1 is frozen, and a graph of the joints refines its pose towards the teacher's.
_base_ = ['../students/igp-gcn-resnet_simdr_synthetic-64x64.py']

load_from = 'work_dirs/two-stage-1_resnet_hrnet-w8_synthetic-64x64/epoch_8.pth'

model = dict(
    type='MultiKDDistiller',
    frozen=['backbone', 'head.base'],
    head=dict(label_weight=0.0),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w8_simdr_synthetic-64x64.py',
        checkpoint='work_dirs/hrnet-w8_simdr_synthetic-64x64/epoch_10.pth'),
    objectives=dict(loss_pose=dict(type='PoseObjective', weight=1.0)))

train_cfg = dict(max_epochs=4, val_interval=1)
optim_wrapper = dict(clip_grad=dict(max_norm=1))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=25, by_epoch=False),  # of 512 steps, not the base's 500
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, begin=0, by_epoch=True, convert_to_iter_based=True),
]
default_hooks = dict(first_stage=dict(type='FirstStageHook'))
