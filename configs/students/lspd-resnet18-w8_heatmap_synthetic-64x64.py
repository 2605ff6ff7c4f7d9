# Three stages of a ResNet-18 of an eighth of its width, all of stride 4, and LSPD's first stage, on the drawn people.
_base_ = [
    '../_base_/schedules/cosine_60e.py',
    '../_base_/datasets/synthetic_heatmap_coco17.py',
    '../_base_/models/lspd-litehrnet18_heatmap.py',
]

model = dict(
    backbone=dict(
        backbone=dict(
            _delete_=True,
            type='ResNet',
            depth=18,
            stem_channels=8,
            base_channels=8,
            num_stages=3,
            strides=(1, 1, 1),
            dilations=(1, 1, 1),
            out_indices=(2, )),
        in_channels=32,
        channels=32,
        num_keypoints=17),
    head=dict(in_channels=17, out_channels=17, decoder=_base_.codec),
    test_cfg=dict(flip_test=False))

train_cfg = dict(max_epochs=8, val_interval=2)
optim_wrapper = dict(optimizer=dict(lr=3e-3), clip_grad=dict(max_norm=5))
default_hooks = dict(checkpoint=dict(interval=2, save_best='pck@0.05/PCK', rule='greater', max_keep_ckpts=2))
