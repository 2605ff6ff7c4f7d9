# People drawn on the fly (SyntheticPoseDataset): COCO's 17 keypoints without any file.
# The knobs make a task that a small network learns in some hundred steps; variety=1 is the hard one.
# For another input size set codec, train_pipeline and val_pipeline again, and the pipelines of both datasets.
dataset_type = 'SyntheticPoseDataset'  # MMPose's inferencer reads this and the next
data_mode = 'topdown'
codec = dict(type='SimDRLabel', input_size=(64, 64), sigma=3.0, simcc_split_ratio=2.0)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', rotate_factor=40, scale_factor=(0.8, 1.2)),
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

people = dict(
    type=dataset_type,
    image_size=(96, 96),
    variety=0.2,
    clutter=0.3,
    occlusion_prob=0.1,
    second_person_prob=0.1,
    cache=True)
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(num_samples=4096, seed=1, pipeline=train_pipeline, **people))
val_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(num_samples=1024, seed=2, pipeline=val_pipeline, test_mode=True, **people))
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='CocoMetric'),
    dict(type='PCKAccuracy', thr=0.05, prefix='pck@0.05'),
    dict(type='PCKAccuracy', thr=0.2, prefix='pck@0.2'),
]
test_evaluator = val_evaluator
