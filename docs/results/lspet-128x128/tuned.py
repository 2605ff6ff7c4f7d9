# The rows of short.py that matter most, at the learning rate that rate.py found best for the student alone. Multi-KD
# also with the weights that fade, which tune.py chose for it without its connector and allocation. Two more seeds for
# the closest three and their student alone, since three had left their order open; seed 3 is that of the tuning.
_base_ = 'short.py'
title = 'ResNet-18 taught by HRNet-W32 on LSPET 128x128, six epochs, learning rate tuned for the student alone'
cfg_options = {'optim_wrapper.optimizer.lr': 4e-3}

chosen = ['alone', 'kd-3', 'multi-kd', 'fitnet', 'review-kd', 'cross-stage-kl-fading']
closest = ['alone', 'fitnet', 'review-kd', 'cross-stage-kl-fading']
multi_kd = _base_.runs['multi-kd']
fading = {
    f'model.objectives.{objective}.weight': dict(_delete_=True, type='Cosine', start=start, end=0.0)
    for objective, start in (('loss_fkd', 4.0), ('loss_vkd', 3.0))
}
runs = {
    '_delete_': True,
    **{name: dict(_base_.runs[name], seeds=[0, 1, 2, 4, 5] if name in closest else [0, 1, 2]) for name in chosen},
    'multi-kd-fading': dict(multi_kd, label='Multi-KD, fading', cfg_options={**multi_kd['cfg_options'], **fading})
}
del chosen, closest, multi_kd, fading
