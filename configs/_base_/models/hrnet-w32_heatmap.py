# HRNet-W32 with a heatmap head, as in MMPose. Whoever inherits sets the head's `out_channels` and `decoder`.
_base_ = ['hrnet-w32_simdr.py']

model = dict(
    head=dict(
        _delete_=True,
        type='HeatmapHead',
        in_channels=32,
        deconv_out_channels=None,
        loss=dict(type='KeypointMSELoss', use_target_weight=True)),
    train_cfg=dict(compute_acc=False),  # in every step, by NumPy: a GPU would wait for it
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True))
