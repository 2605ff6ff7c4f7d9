# DWPose, stage 2: a new head on the backbone of stage 1, which is frozen, learns what the head of stage 1 predicts.
_base_ = ['../students/litehrnet18_simdr_coco-256x192.py']

model = dict(
    type='MultiKDDistiller',
    frozen=['backbone'],
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='work_dirs/dwpose-1_litehrnet18_hrnet-w32_coco-256x192/epoch_300.pth')),
    head=dict(loss=dict(type='SimDRLoss', loss_weight=0.)),  # no labels
    teacher=dict(
        config='{{ fileDirname }}/dwpose-1_litehrnet18_hrnet-w32_coco-256x192.py',
        checkpoint='work_dirs/dwpose-1_litehrnet18_hrnet-w32_coco-256x192/epoch_300.pth'),
    objectives=dict(loss_logit=dict(type='OutputObjective', weight=1.0, loss=dict(type='SimDRKLLoss'))))

train_cfg = dict(max_epochs=60)
param_scheduler = [  # the steps of 300 epochs, at a fifth of them
    dict(type='LinearLR', start_factor=0.001, begin=0, end=500, by_epoch=False),
    dict(type='MultiStepLR', milestones=[49, 57], gamma=0.1, begin=0, end=60, by_epoch=True),
]
optim_wrapper = dict(clip_grad=dict(max_norm=1))
