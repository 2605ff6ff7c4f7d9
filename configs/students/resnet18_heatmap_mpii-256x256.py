_base_ = [
    '../_base_/schedules/adam_210e.py',
    '../_base_/datasets/mpii_heatmap_256x256.py',
    '../_base_/models/resnet18_heatmap.py',
]

model = dict(head=dict(out_channels=16, decoder=_base_.codec))

train_dataloader = dict(batch_size=64)
default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater', max_keep_ckpts=2))
