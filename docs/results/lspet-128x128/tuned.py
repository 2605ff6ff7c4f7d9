# The rows of short.py that matter most, at the learning rate that rate.py found best for the student alone.
_base_ = 'short.py'
title = 'ResNet-18 taught by HRNet-W32 on LSPET 128x128, six epochs, learning rate tuned for the student alone'
cfg_options = {'optim_wrapper.optimizer.lr': 4e-3}

chosen = ['alone', 'kd-3', 'multi-kd', 'fitnet', 'review-kd', 'cross-stage-kl-fading']
runs = dict(_delete_=True, **{name: _base_.runs[name] for name in chosen})
del chosen
