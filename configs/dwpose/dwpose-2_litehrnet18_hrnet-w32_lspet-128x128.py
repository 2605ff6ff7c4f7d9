# DWPose, stage 2: a new head on the backbone of stage 1, which is frozen, learns what the head of stage 1 predicts.
_base_ = ['../students/litehrnet18_simdr_lspet-128x128.py']

model = dict(
    type='MultiKDDistiller',
    frozen=['backbone'],
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='work_dirs/dwpose-1_litehrnet18_hrnet-w32_lspet-128x128/epoch_60.pth')),
    head=dict(loss=dict(type='SimDRLoss', loss_weight=0.)),  # no labels
    teacher=dict(
        config='{{ fileDirname }}/dwpose-1_litehrnet18_hrnet-w32_lspet-128x128.py',
        checkpoint='work_dirs/dwpose-1_litehrnet18_hrnet-w32_lspet-128x128/epoch_60.pth'),
    objectives=dict(loss_logit=dict(type='OutputObjective', weight=1.0, loss=dict(type='SimDRKLLoss'))))

train_cfg = dict(max_epochs=12)
optim_wrapper = dict(clip_grad=dict(max_norm=1))
