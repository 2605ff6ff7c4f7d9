# RTMPose-t, taught by RTMPose-m.
# RTMPose's loss takes softmax(10 x logits): temperature 0.1, whose factor of 0.01 the weight undoes. Then a half, since
# the student's loss is a sum over the 256 persons of a GPU and a mean over some 450 bins, ours nats a person and joint.
_base_ = ['mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192.py']
custom_imports = dict(imports=['mmpose_kd'], allow_failed_imports=False)

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-m_8xb256-420e_aic-coco-256x192.py',
        checkpoint='https://download.openmmlab.com/mmpose/v1/projects/rtmposev1/'
        'rtmpose-m_simcc-aic-coco_pt-aic-coco_420e-256x192-63eb25f7_20230126.pth',
        channels_last=True),
    objectives=dict(
        loss_okd=dict(type='OutputObjective', weight=0.5 * 100, loss=dict(type='SimDRKLLoss', temperature=0.1))))
