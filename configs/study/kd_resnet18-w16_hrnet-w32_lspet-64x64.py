# Vanilla KD: the KL divergence of the SimDR distributions, on the scale of the task loss. The base of the others here.
_base_ = ['../students/resnet18-w16_simdr_lspet-64x64.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_lspet-64x64.py',
        checkpoint='work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth',
        channels_last=True),
    objectives=dict(loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=3.0)))
