# Multi-KD of a whole ResNet-18 without its connector and its allocation: does a larger student need them?
# The six distances are averaged, as the weights of WA sum to 1.
_base_ = ['multi-kd_resnet18_hrnet-w32_lspet-128x128.py']

fkd = dict(_base_.model.objectives.loss_fkd, connector=dict(type='ConvAligner'), allocation=None)
model = dict(objectives=dict(loss_fkd=dict(fkd, _delete_=True, weight=fkd['weight'] / 6)))
