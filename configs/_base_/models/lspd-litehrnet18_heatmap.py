# What LSPD deploys: Lite-HRNet-18 and one stage of multi-scale blocks, which makes heatmaps of stride 4. Whoever
# inherits sets the number of keypoints in backbone and head, and the head's `decoder`.
_base_ = ['litehrnet18_simdr.py']

model = dict(
    backbone=dict(
        _delete_=True, type='LSPDNet', backbone=_base_.model.backbone, in_channels=40, channels=64, num_stages=1),
    head=dict(
        _delete_=True,
        type='CPMHead',
        num_stages=1,
        final_layer=None,
        loss=dict(type='KeypointMSELoss', use_target_weight=True)),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True))
