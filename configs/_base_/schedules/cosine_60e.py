# For small data sets. The cosine ends with the training, whatever train_cfg.max_epochs is set to.
_base_ = ['../runtime.py']

train_cfg = dict(by_epoch=True, max_epochs=60, val_interval=5)

optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05))

param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=500, by_epoch=False),  # warm-up, in iterations
    dict(type='CosineAnnealingLR', eta_min_ratio=0.01, begin=0, by_epoch=True, convert_to_iter_based=True),
]

auto_scale_lr = dict(base_batch_size=32)
