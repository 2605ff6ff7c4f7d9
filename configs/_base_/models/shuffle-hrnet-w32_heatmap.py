# HRNet-W32 with every block of stages 2 to 4 in four groups, and a heatmap head: 9.5 M parameters. Whoever inherits
# sets the head's `out_channels` and `decoder`. What fits of HRNet's ImageNet weights is loaded: stem, stage 1,
# transitions and fusions.
_base_ = ['hrnet-w32_heatmap.py']

model = dict(backbone=dict(type='ShuffleHRNet', groups=4))
