# The student starts from its own training without a teacher, as FPD's students do.
_base_ = ['s-hrnet_shuffle-hrnet-w32-g4_hrnet-w32_coco-256x192.py']

load_from = 'work_dirs/shuffle-hrnet-w32-g4_heatmap_coco-256x192/epoch_210.pth'
