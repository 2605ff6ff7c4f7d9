# A head that refines the pose of the first stage, which is frozen: IGP-GCN on the maps of strides 16, 16 and 8.
_base_ = ['kd.py']

model = dict(
    frozen=['backbone', 'head.base'],
    backbone=dict(out_indices=(1, 2, 3)),
    head=dict(
        _delete_=True,
        type='IGPGCNHead',
        base=_base_.model.head,
        in_channels=(128, 64, 32),
        skeleton=dict(from_file='configs/_base_/datasets/crowdpose.py'),
        label_weight=0.0),
    objectives=dict(_delete_=True, loss_pose=dict(type='PoseObjective', weight=1.0)))

optim_wrapper = dict(clip_grad=dict(max_norm=1))
default_hooks = dict(first_stage=dict(type='FirstStageHook'))
