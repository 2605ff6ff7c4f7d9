# A new head on the frozen backbone of stage 1 learns what the head of stage 1 predicts.
_base_ = ['student.py']

model = dict(
    type='MultiKDDistiller',
    frozen=['backbone'],
    backbone=dict(init_cfg=dict(type='Pretrained', prefix='backbone.', checkpoint='')),
    head=dict(loss=dict(type='SimDRLoss', loss_weight=0.)),  # no labels
    teacher=dict(config='{{ fileDirname }}/dwpose-1.py', checkpoint=''),
    objectives=dict(loss_logit=dict(type='OutputObjective', weight=1.0, loss=dict(type='SimDRKLLoss'))))

optim_wrapper = dict(clip_grad=dict(max_norm=1))
