# A MobileNetV2 taught by ViTPose-B, which needs mmpretrain: the extra "vit" of this package installs it.
_base_ = ['../students/mobilenetv2-udp_heatmap_coco-256x192.py']
custom_imports = dict(imports=['mmpose_kd'], allow_failed_imports=False)

model = dict(
    type='MultiKDDistiller',
    head=dict(loss=dict(loss_weight=0.5)),
    teacher=dict(
        config='mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_ViTPose-base_8xb64-210e_coco-256x192.py',
        checkpoint='https://download.openmmlab.com/mmpose/v1/body_2d_keypoint/topdown_heatmap/coco/'
        'td-hm_ViTPose-base_8xb64-210e_coco-256x192-216eae50_20230314.pth',
        channels_last=True),
    objectives=dict(loss_okd=dict(type='OutputObjective', weight=0.5, loss=dict(type='HeatmapKDLoss'))))
