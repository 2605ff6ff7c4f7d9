# MMPose's ShuffleNetV2, taught by a ResNet-152 of a larger input: its heatmaps are resized to the student's.
_base_ = ['mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_shufflenetv2_8xb64-210e_coco-256x192.py']
custom_imports = dict(imports=['mmpose_kd'], allow_failed_imports=False)

model = dict(
    type='MultiKDDistiller',
    head=dict(loss=dict(loss_weight=0.5)),
    teacher=dict(
        config='mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res152_8xb32-210e_coco-384x288.py',
        checkpoint='https://download.openmmlab.com/mmpose/v1/body_2d_keypoint/topdown_heatmap/coco/'
        'td-hm_res152_8xb32-210e_coco-384x288-7fbb906f_20220927.pth',
        channels_last=True),
    objectives=dict(loss_okd=dict(type='OutputObjective', weight=0.5, loss=dict(type='HeatmapKDLoss'))))
