# Vanilla KD of a whole ResNet-18: the KL divergence of the SimDR distributions, with the weight of the task loss.
_base_ = ['../students/resnet18_simdr_lspet-128x128.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_lspet-128x128.py',
        checkpoint='work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth',
        channels_last=True),
    objectives=dict(loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=1.0)))
