# A ResNet-18 of a quarter of its width with heatmaps of stride 4 on small crops.
_base_ = [
    '../_base_/schedules/cosine_60e.py',
    '../_base_/datasets/lspet_heatmap_64x64.py',
    '../_base_/models/resnet18_heatmap.py',
]

model = dict(
    backbone=dict(stem_channels=16, base_channels=16, strides=(1, 2, 2, 1), init_cfg=None),
    head=dict(
        in_channels=128,
        out_channels=14,
        deconv_out_channels=(64, 64),
        deconv_kernel_sizes=(4, 4),
        decoder=_base_.codec),
    test_cfg=dict(flip_test=False))

default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater', max_keep_ckpts=2))
