# The smallest of the grouped blocks: 4.4 M parameters. Stage 1 and the strided fusions are grouped too.
_base_ = ['shuffle-hrnet-w32-g4_heatmap_coco-256x192.py']

model = dict(backbone=dict(groups=8, stage1_groups=8, fuse_groups=8))
