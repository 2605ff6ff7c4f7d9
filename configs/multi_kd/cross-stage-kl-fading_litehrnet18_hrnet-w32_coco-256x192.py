# Cross-stage features and KD without MFT and WA, with the weights that did best for a ResNet-18 on LSPET: features
# layer-normalised, both terms fading to 0 along half a cosine wave (docs/comparison.md).
_base_ = ['multi-kd_litehrnet18_hrnet-w32_coco-256x192.py']

fkd = dict(
    _base_.model.objectives.loss_fkd,
    connector=dict(type='ConvAligner'),
    allocation=None,
    loss=dict(type='FeatureMSELoss', normalize='layer'),
    weight=dict(type='Cosine', start=4.0 / 6, end=0.0))
model = dict(
    objectives=dict(
        loss_fkd=dict(fkd, _delete_=True),
        loss_vkd=dict(weight=dict(_delete_=True, type='Cosine', start=3.0, end=0.0))))
