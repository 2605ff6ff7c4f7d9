# A ResNet-18 of an eighth of its width with heatmaps of stride 4 on the drawn people.
_base_ = [
    '../_base_/schedules/cosine_60e.py',
    '../_base_/datasets/synthetic_heatmap_coco17.py',
    '../_base_/models/resnet18_heatmap.py',
]

model = dict(
    backbone=dict(stem_channels=8, base_channels=8, strides=(1, 2, 2, 1), init_cfg=None),
    head=dict(
        in_channels=64,
        out_channels=17,
        deconv_out_channels=(32, 32),
        deconv_kernel_sizes=(4, 4),
        decoder=_base_.codec),
    test_cfg=dict(flip_test=False))

train_cfg = dict(max_epochs=8, val_interval=2)
optim_wrapper = dict(optimizer=dict(lr=3e-3), clip_grad=dict(max_norm=5))
default_hooks = dict(checkpoint=dict(interval=2, save_best='pck@0.05/PCK', rule='greater', max_keep_ckpts=2))
