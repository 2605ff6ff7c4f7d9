_base_ = [
    '../_base_/schedules/cosine_60e.py',
    '../_base_/datasets/lspet_heatmap_64x64.py',
    '../_base_/models/hrnet-w32_heatmap.py',
]

model = dict(head=dict(out_channels=14, decoder=_base_.codec))

default_hooks = dict(checkpoint=dict(save_best='PCK', rule='greater', max_keep_ckpts=2))
