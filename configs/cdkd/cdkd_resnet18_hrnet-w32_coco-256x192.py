_base_ = ['cdkd_resnet18_resnet50_coco-256x192.py']

model = dict(
    teacher=dict(
        config='{{ fileDirname }}/../teachers/hrnet-w32_heatmap_coco-256x192.py',
        checkpoint='work_dirs/hrnet-w32_heatmap_coco-256x192/epoch_210.pth'),
    objectives=dict(loss_fkd=dict(teacher_taps=['backbone.stage3[-1]'], teacher_channels=[128])))
