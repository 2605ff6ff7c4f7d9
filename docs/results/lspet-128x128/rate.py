# Is the learning rate of short.py, 1e-3, that of the student alone? On the seed of tune.py, which the comparison does
# not use; the distilled student at the rate that could suit it better as well.
_base_ = 'short.py'
title = 'Learning rates of ResNet-18 on LSPET 128x128, six epochs'
seeds = [3]

alone = _base_.runs['alone']
fading = _base_.runs['cross-stage-kl-fading']
rate = 'optim_wrapper.optimizer.lr'
runs = {
    '_delete_': True,
    'alone': alone,
    'alone-2e-3': dict(alone, label='ResNet-18 alone, 2e-3', cfg_options={rate: 2e-3}),
    'fading-2e-3': dict(
        fading, label='cross-stage + KL, fading, 2e-3', cfg_options={**fading['cfg_options'], rate: 2e-3}),
    'alone-4e-3': dict(alone, label='ResNet-18 alone, 4e-3', cfg_options={rate: 4e-3})
}
del alone, fading, rate
