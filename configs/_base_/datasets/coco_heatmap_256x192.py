# COCO with heatmaps as labels, which are MMPose's as is the augmentation: turns of up to 80 degrees, scales of 0.5
# to 1.5. For coordinates it is Multi-KD's.
_base_ = ['coco_256x192.py']

heatmaps = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
codec = dict(_delete_=True, **heatmaps)

changes = dict(
    RandomBBoxTransform=dict(type='RandomBBoxTransform'),
    GenerateTarget=dict(type='GenerateTarget', encoder=heatmaps))
train_pipeline = [changes.get(t['type'], t) for t in _base_.train_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
