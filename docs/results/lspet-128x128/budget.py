# Does the gain at six epochs (tuned.py) last when the training is twice as long? With a schedule of that length.
_base_ = 'tuned.py'
title = 'ResNet-18 taught by HRNet-W32 on LSPET 128x128, twelve epochs'
cfg_options = {'train_cfg.max_epochs': 12}

chosen = ['alone', 'fitnet', 'cross-stage-kl-fading']
runs = dict(_delete_=True, **{name: dict(_base_.runs[name], seeds=[0, 1, 2]) for name in chosen})
del chosen
