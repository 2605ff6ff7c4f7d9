# The recipe of Multi-KD (Xu et al., BMVC 2024): Adam, learning rate 5e-4, 300 epochs, two GPUs, "a batch size of 32",
# read as that of each.
# Its "weight decay factor 0.1" is read as the factor of the learning rate's steps: as a weight decay, Adam would hardly
# train with it. The paper names no epochs for the steps and no warm-up; these are MMPose's for 210 epochs (170 and 200,
# 500 iterations), the steps stretched to 300.
_base_ = ['../runtime.py']

train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=10)

optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-4))

param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, begin=0, end=500, by_epoch=False),  # warm-up, in iterations
    dict(type='MultiStepLR', milestones=[243, 286], gamma=0.1, begin=0, end=300, by_epoch=True),
]

auto_scale_lr = dict(base_batch_size=64)
