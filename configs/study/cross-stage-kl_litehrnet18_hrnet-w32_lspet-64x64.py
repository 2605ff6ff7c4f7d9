# Multi-KD without its connector and its allocation: the six distances are averaged, as the weights of WA sum to 1.
_base_ = ['multi-kd_litehrnet18_hrnet-w32_lspet-64x64.py']

model = dict(objectives=dict(loss_fkd=dict(
    weight=_base_.model.objectives.loss_fkd.weight / 6,
    connector=dict(_delete_=True, type='ConvAligner'),
    allocation=None)))
