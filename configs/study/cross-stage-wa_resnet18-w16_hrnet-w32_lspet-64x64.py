# Row "cross-stage + WA" of the Multi-KD paper's Table 4, with weights of ours.
_base_ = ['multi-kd_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(
    objectives=dict(
        _delete_=True,
        loss_fkd=dict(_base_.model.objectives.loss_fkd, connector=dict(type='ConvAligner'))))
