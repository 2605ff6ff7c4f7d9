# Lite-HRNet-18 with a head that refines its pose: IGP-GCN on the map of stride 4, averaged to strides 16 and 8 before.
_base_ = ['litehrnet18_simdr_coco-256x192.py']

model = dict(
    head=dict(
        _delete_=True,
        type='IGPGCNHead',
        base=_base_.model.head,
        in_channels=(40, 40, 40),
        in_indices=(-1, -1, -1),
        pools=(4, 2, 1),
        skeleton=dict(from_file='configs/_base_/datasets/coco.py'),
        label_weight=1.0))
