_base_ = [
    '../_base_/schedules/adam_210e.py',
    '../_base_/datasets/coco_heatmap_256x192.py',
    '../_base_/models/shuffle-hrnet-w32_heatmap.py',
]

model = dict(head=dict(out_channels=17, decoder=_base_.codec))

train_dataloader = dict(batch_size=64)
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater', max_keep_ckpts=2))
