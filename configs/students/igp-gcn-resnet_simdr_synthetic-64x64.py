# The small ResNet with a head that refines its pose: IGP-GCN on the maps of strides 16, 16 and 8.
_base_ = ['resnet_simdr_synthetic-64x64.py']

model = dict(
    backbone=dict(out_indices=(1, 2, 3)),
    head=dict(
        _delete_=True,
        type='IGPGCNHead',
        base=_base_.model.head,
        in_channels=(64, 32, 16),
        skeleton=dict(from_file='configs/_base_/datasets/coco.py'),
        hidden_channels=32,
        image_channels=(32, 32, 32),
        label_weight=1.0))
