# KD, the SimDR logits alone: Eq. 7 with Multi-KD's weight, beta * bins / its batch size.
# The other baselines of this data inherit from here.
_base_ = ['../students/litehrnet18_simdr_lspet-128x128.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_simdr_lspet-128x128.py',
        checkpoint='work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth',
        channels_last=True),
    objectives=dict(loss_kd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=0.04 * 256 / 32)))
