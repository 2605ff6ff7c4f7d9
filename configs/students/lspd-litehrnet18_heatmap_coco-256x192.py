_base_ = [
    '../_base_/schedules/adam_210e.py',
    '../_base_/datasets/coco_heatmap_256x192.py',
    '../_base_/models/lspd-litehrnet18_heatmap.py',
]

model = dict(backbone=dict(num_keypoints=17), head=dict(in_channels=17, out_channels=17, decoder=_base_.codec))

train_dataloader = dict(batch_size=64)
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater', max_keep_ckpts=2))
