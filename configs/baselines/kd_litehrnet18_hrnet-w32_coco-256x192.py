# KD, the SimDR logits alone: Eq. 7 with Multi-KD's weight, beta * bins / its batch size. 448: mean of 384 and 512.
# The other baselines of this data inherit from here.
_base_ = ['../students/litehrnet18_simdr_coco-256x192.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_coco-256x192.py',
        checkpoint='work_dirs/hrnet-w32_simdr_coco-256x192/epoch_300.pth',
        channels_last=True),
    objectives=dict(loss_kd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=0.04 * 448 / 32)))
