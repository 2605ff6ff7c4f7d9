# DWPose, stage 2: a new head on the frozen backbone of stage 1 learns what the head of stage 1 predicts.
_base_ = ['../students/resnet18-w16_simdr_lspet-64x64.py']

first_stage = 'work_dirs/dwpose-1_resnet18-w16_hrnet-w32_lspet-64x64/epoch_60.pth'

model = dict(
    type='MultiKDDistiller',
    frozen=['backbone'],
    backbone=dict(init_cfg=dict(type='Pretrained', prefix='backbone.', checkpoint=first_stage)),
    head=dict(loss=dict(type='SimDRLoss', loss_weight=0.)),  # no labels
    teacher=dict(
        config='{{ fileDirname }}/dwpose-1_resnet18-w16_hrnet-w32_lspet-64x64.py', checkpoint=first_stage),
    objectives=dict(loss_logit=dict(type='OutputObjective', weight=1.0, loss=dict(type='SimDRKLLoss'))))

train_cfg = dict(max_epochs=12)
