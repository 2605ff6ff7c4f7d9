# Leeds Sports Pose Extended (Johnson and Everingham, CVPR 2011) as COCO-style files with 14 keypoints in CrowdPose's
# order: MMPose's CrowdPoseDataset reads them. The folder is data/lspet, or what MMPOSE_KD_LSPET names:
#   annotations/lspet_train.json  annotations/lspet_val.json  images/
data_root = '{{$MMPOSE_KD_LSPET:data/lspet}}'

dataset_type = 'CrowdPoseDataset'  # MMPose's inferencer reads this and the next
data_mode = 'topdown'

# Sigma is 2 pixels, 1.6 % of the input: a little more than SimCC's 6 bins of 512 (1.2 %), since the labels are noisy.
codec = dict(type='SimDRLabel', input_size=(64, 64), sigma=2.0, simcc_split_ratio=2.0)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', rotate_factor=30, scale_factor=(0.75, 1.25)),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=codec['input_size']),
    dict(type='PackPoseInputs'),
]

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_mode=data_mode,
        ann_file='annotations/lspet_train.json',
        data_prefix=dict(img='images/'),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_mode=data_mode,
        ann_file='annotations/lspet_val.json',
        data_prefix=dict(img='images/'),
        test_mode=True,
        pipeline=val_pipeline))
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='PCKAccuracy', thr=0.2, norm_item='bbox'),
    dict(type='AUC'),
    dict(type='CocoMetric', ann_file=data_root + '/annotations/lspet_val.json', use_area=True),
]
test_evaluator = val_evaluator
