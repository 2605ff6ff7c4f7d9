# Multi-KD with weights of ours: layer-normalised features, and the output term on the scale of the task loss.
_base_ = ['multi-kd-paper_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        loss_vkd=dict(weight=3.0),
        loss_fkd=dict(weight=4.0, loss=dict(type='FeatureMSELoss', normalize='layer'))))
