# Vanilla KD of Lite-HRNet-18: the KL divergence of the SimDR distributions, with the weight of the ResNet-18-w16.
_base_ = ['../students/litehrnet18_simdr_lspet-64x64.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_lspet-64x64.py',
        checkpoint='work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth',
        channels_last=True),
    objectives=dict(loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=3.0)))
