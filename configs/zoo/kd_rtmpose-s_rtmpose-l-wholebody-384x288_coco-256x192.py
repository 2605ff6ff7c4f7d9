# RTMPose-s with 17 keypoints, taught by the whole-body RTMPose-l with 133 and a larger input: keypoints are matched by
# name, bins resized.
# RTMPose's loss takes softmax(10 x logits): temperature 0.1, whose factor of 0.01 the weight undoes. Then a half, since
# the student's loss is a sum over the 256 persons of a GPU and a mean over some 450 bins, ours nats a person and joint.
_base_ = ['mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-s_8xb256-420e_coco-256x192.py']
custom_imports = dict(imports=['mmpose_kd'], allow_failed_imports=False)

model = dict(
    type='MultiKDDistiller',
    teacher=dict(
        config='mmpose::wholebody_2d_keypoint/rtmpose/coco-wholebody/rtmpose-l_8xb32-270e_coco-wholebody-384x288.py',
        checkpoint='https://download.openmmlab.com/mmpose/v1/projects/rtmposev1/'
        'rtmpose-l_simcc-coco-wholebody_pt-aic-coco_270e-384x288-eaeb96c8_20230125.pth',
        channels_last=True),
    objectives=dict(
        loss_okd=dict(type='OutputObjective', weight=0.5 * 100, loss=dict(type='SimDRKLLoss', temperature=0.1))))
