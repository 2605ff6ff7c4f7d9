# MMPose's recipe for heatmaps on COCO: Adam, learning rate 5e-4, 210 epochs, 64 images a GPU on eight GPUs.
_base_ = ['../runtime.py']

train_cfg = dict(by_epoch=True, max_epochs=210, val_interval=10)

optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-4))

param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, begin=0, end=500, by_epoch=False),  # warm-up, in iterations
    dict(type='MultiStepLR', milestones=[170, 200], gamma=0.1, begin=0, end=210, by_epoch=True),
]

auto_scale_lr = dict(base_batch_size=512)
