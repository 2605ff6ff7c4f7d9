# MPII with heatmaps as labels, as in MMPose.
_base_ = ['mpii_256x256.py']

heatmaps = dict(type='MSRAHeatmap', input_size=(256, 256), heatmap_size=(64, 64), sigma=2)
codec = dict(_delete_=True, **heatmaps)

train_pipeline = [dict(t, encoder=heatmaps) if t['type'] == 'GenerateTarget' else t for t in _base_.train_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
