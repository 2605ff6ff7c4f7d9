# A shallow HRNet of half the width of HRNet-W32 with its blocks in four groups, and a SimDR head at stride 4.
# Whoever inherits sets the head's `out_channels` and `decoder`.
_base_ = ['hrnet-w32_simdr.py']

model = dict(
    backbone=dict(
        type='ShuffleHRNet',
        groups=4,
        extra=dict(
            stage1=dict(num_blocks=(1, ), num_channels=(16, )),
            stage2=dict(num_blocks=(2, 2), num_channels=(16, 32)),
            stage3=dict(num_modules=2, num_blocks=(2, 2, 2), num_channels=(16, 32, 64)),
            stage4=dict(num_modules=1, num_blocks=(2, 2, 2, 2), num_channels=(16, 32, 64, 128))),
        init_cfg=None),
    head=dict(in_channels=16))
