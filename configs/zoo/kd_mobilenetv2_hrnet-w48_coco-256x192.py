# MMPose's MobileNetV2, taught by heatmaps of its HRNet-W48.
_base_ = ['mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_mobilenetv2_8xb64-210e_coco-256x192.py']
custom_imports = dict(imports=['mmpose_kd'], allow_failed_imports=False)

model = dict(
    type='MultiKDDistiller',
    head=dict(loss=dict(loss_weight=0.5)),
    teacher=dict(
        config='mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w48_8xb32-210e_coco-256x192.py',
        checkpoint='https://download.openmmlab.com/mmpose/v1/body_2d_keypoint/topdown_heatmap/coco/'
        'td-hm_hrnet-w48_8xb32-210e_coco-256x192-0e67c616_20220913.pth',
        channels_last=True),
    objectives=dict(loss_okd=dict(type='OutputObjective', weight=0.5, loss=dict(type='HeatmapKDLoss'))))
