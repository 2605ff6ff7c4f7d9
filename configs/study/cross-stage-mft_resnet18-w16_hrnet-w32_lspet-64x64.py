# Row "cross-stage + MFT" of the Multi-KD paper's Table 4, with weights of ours.
# The six distances are averaged, as the weights of WA sum to 1.
_base_ = ['multi-kd_resnet18-w16_hrnet-w32_lspet-64x64.py']

fkd = _base_.model.objectives.loss_fkd
model = dict(objectives=dict(_delete_=True, loss_fkd=dict(fkd, allocation=None, weight=fkd.weight / 6)))
