_base_ = ['../students/igp-gcn-resnet18-w16_simdr_lspet-64x64.py']

load_from = 'work_dirs/two-stage-1_resnet18-w16_hrnet-w32_lspet-64x64/epoch_60.pth'

model = dict(
    type='MultiKDDistiller',
    frozen=['backbone', 'head.base'],
    head=dict(label_weight=0.0),
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_lspet-64x64.py',
        checkpoint='work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth',
        channels_last=True),
    objectives=dict(loss_pose=dict(type='PoseObjective', weight=1.0)))

train_cfg = dict(max_epochs=25)
optim_wrapper = dict(clip_grad=dict(max_norm=1))
default_hooks = dict(first_stage=dict(type='FirstStageHook'))
