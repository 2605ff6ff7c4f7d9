# SimpleBaseline's ResNet-18 with two upsamplings instead of three, whose maps of stride 8 a SimDR head reads.
_base_ = [
    '../_base_/schedules/adam_210e.py',
    '../_base_/datasets/coco_256x192.py',
    '../_base_/models/resnet18_heatmap.py',
]

model = dict(
    head=dict(
        _delete_=True,
        type='SimDRHead',
        in_channels=512,
        in_stride=32,
        out_channels=17,
        deconv_out_channels=(128, 128),
        deconv_kernel_sizes=(4, 4),
        decoder=_base_.codec),
    test_cfg=dict(_delete_=True, flip_test=True))

train_dataloader = dict(batch_size=64)
default_hooks = dict(checkpoint=dict(save_best='coco/AP', rule='greater', max_keep_ckpts=2))
