# DWPose, stage 1: the last feature and the SimDR distributions are distilled, with weights that fall to 0. They are its
# 7e-5 and 0.1 in the same proportion to the task loss, which in DWPose sums over 64 images and averages over the bins.
_base_ = ['../students/litehrnet18_simdr_coco-256x192.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_coco-256x192.py',
        checkpoint='work_dirs/hrnet-w32_simdr_coco-256x192/epoch_300.pth',
        channels_last=True),
    objectives=dict(
        loss_fea=dict(
            type='FeatureObjective',
            # channels * height * width of the teacher's map; 448 bins: mean of 384 and 512
            weight=dict(type='Linear', start=7e-5 * 32 * 64 * 48 * 448 / (2 * 64), end=0., by_epoch=True),
            student_taps=['feats[-1]'],
            teacher_taps=['feats[-1]'],
            student_channels=[40],
            teacher_channels=[32],
            connector=dict(type='ConvAligner')),
        loss_logit=dict(
            type='OutputObjective',
            weight=dict(type='Linear', start=0.1 * 448 / 64, end=0., by_epoch=True),
            loss=dict(type='SimDRKLLoss'))))

optim_wrapper = dict(clip_grad=dict(max_norm=1))
