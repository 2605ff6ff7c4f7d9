# Row "cross-stage + WA" of the paper's Table 4: what the whole method has on top is left out.
_base_ = ['multi-kd_litehrnet18_hrnet-w32_mpii-256x256.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_fkd=dict(_base_.model.objectives.loss_fkd, connector=dict(type='ConvAligner'))))
