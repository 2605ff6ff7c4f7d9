# The small ResNet-18 with a head that refines its pose: IGP-GCN on the maps of strides 16, 16 and 8.
_base_ = ['resnet18-w16_simdr_lspet-64x64.py']

model = dict(
    backbone=dict(out_indices=(1, 2, 3)),
    head=dict(
        _delete_=True,
        type='IGPGCNHead',
        base=_base_.model.head,
        in_channels=(128, 64, 32),
        skeleton=dict(from_file='configs/_base_/datasets/crowdpose.py'),
        label_weight=1.0))
