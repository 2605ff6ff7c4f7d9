# Stage 2: the student of stage 1 is frozen, and a graph of the joints refines its pose towards the teacher's.
_base_ = ['../students/igp-gcn-litehrnet18_simdr_crowdpose-256x192.py']

load_from = 'work_dirs/two-stage-1_litehrnet18_hrnet-w32_crowdpose-256x192/epoch_300.pth'

model = dict(
    type='MultiKDDistiller',
    frozen=['backbone', 'head.base'],
    head=dict(label_weight=0.0),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_crowdpose-256x192.py',
        checkpoint='work_dirs/hrnet-w32_simdr_crowdpose-256x192/epoch_300.pth',
        channels_last=True),
    objectives=dict(loss_pose=dict(type='PoseObjective', weight=1.0)))

train_cfg = dict(max_epochs=25, val_interval=5)
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=1))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=500, by_epoch=False),  # warm-up, in iterations
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, begin=0, by_epoch=True, convert_to_iter_based=True),
]
default_hooks = dict(first_stage=dict(type='FirstStageHook'))
