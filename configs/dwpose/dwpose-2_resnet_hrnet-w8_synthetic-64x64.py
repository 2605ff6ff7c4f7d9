# DWPose, stage 2: a new head on the backbone of stage 1, which is frozen, learns what the head of stage 1 predicts.
_base_ = ['../students/resnet_simdr_synthetic-64x64.py']

model = dict(
    type='MultiKDDistiller',
    frozen=['backbone'],
    backbone=dict(
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='work_dirs/dwpose-1_resnet_hrnet-w8_synthetic-64x64/epoch_8.pth')),
    head=dict(loss=dict(type='SimDRLoss', loss_weight=0.)),  # no labels
    teacher=dict(
        config='{{ fileDirname }}/dwpose-1_resnet_hrnet-w8_synthetic-64x64.py',
        checkpoint='work_dirs/dwpose-1_resnet_hrnet-w8_synthetic-64x64/epoch_8.pth'),
    objectives=dict(loss_logit=dict(type='OutputObjective', weight=1.0, loss=dict(type='SimDRKLLoss'))))

train_cfg = dict(max_epochs=2, val_interval=1)
optim_wrapper = dict(clip_grad=dict(max_norm=1))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=13, by_epoch=False),  # of 256 steps, not the base's 500
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, begin=0, by_epoch=True, convert_to_iter_based=True),
]
