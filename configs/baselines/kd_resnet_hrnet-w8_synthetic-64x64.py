# KD, the SimDR logits alone, with the weight of multi-kd_resnet_hrnet-w8_synthetic-64x64.
# The other baselines of this data inherit from here.
_base_ = ['../students/resnet_simdr_synthetic-64x64.py']

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w8_simdr_synthetic-64x64.py',
        checkpoint='work_dirs/hrnet-w8_simdr_synthetic-64x64/epoch_10.pth'),
    objectives=dict(loss_kd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=1.0)))
