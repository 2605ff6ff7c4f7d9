# Row "cross-stage + MFT" of the paper's Table 4: what the whole method has on top is left out.
# Without WA the six distances are summed, as in Eq. 1, not averaged.
_base_ = ['multi-kd_litehrnet18_hrnet-w32_lspet-128x128.py']

model = dict(objectives=dict(_delete_=True, loss_fkd=dict(_base_.model.objectives.loss_fkd, allocation=None)))
