# MMPose's MobileNetV2 with the unbiased codec (UDP) in place of MSRA's, whose heatmaps lie up to 3/4 of a cell beside
# it: the student of a teacher with UDP, such as ViTPose.
_base_ = ['mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        widen_factor=1.,
        out_indices=(7, ),
        init_cfg=dict(type='Pretrained', checkpoint='mmcls://mobilenet_v2')),
    head=dict(in_channels=1280, deconv_out_channels=(256, 256, 256)))
