# A head that refines the pose of the first stage, which is frozen: IGP-GCN on the maps of strides 16, 16 and 8.
_base_ = ['student.py']

model = dict(
    type='MultiKDDistiller',
    frozen=['backbone', 'head.base'],
    backbone=dict(out_indices=(1, 2, 3)),
    head=dict(
        _delete_=True,
        type='IGPGCNHead',
        base=_base_.model.head,
        in_channels=(128, 64, 32),
        skeleton=dict(from_file='configs/_base_/datasets/crowdpose.py'),
        label_weight=0.0),
    teacher=dict(
        config='{{ fileDirname }}/../../../../configs/teachers/hrnet-w32_simdr_lspet-128x128.py',
        checkpoint='{{$MMPOSE_KD_TEACHER_128:work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth}}',
        channels_last=True),
    objectives=dict(loss_pose=dict(type='PoseObjective', weight=1.0)))

optim_wrapper = dict(clip_grad=dict(max_norm=1))
default_hooks = dict(first_stage=dict(type='FirstStageHook'))
