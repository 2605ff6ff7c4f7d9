_base_ = ['cdkd_resnet18_resnet50_coco-256x192.py']

model = dict(
    teacher=dict(
        config='{{ fileDirname }}/../teachers/resnet152_heatmap_coco-256x192.py',
        checkpoint='work_dirs/resnet152_heatmap_coco-256x192/epoch_210.pth'))
