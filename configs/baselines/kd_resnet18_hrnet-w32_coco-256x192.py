# KD for a ResNet-18, with the weight of the other configs of this data.
_base_ = ['../students/resnet18_simdr_coco-256x192.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_coco-256x192.py',
        checkpoint='work_dirs/hrnet-w32_simdr_coco-256x192/epoch_300.pth',
        channels_last=True),
    objectives=dict(loss_kd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=0.04 * 448 / 32)))
