# People drawn on the fly, with heatmaps as labels.
_base_ = ['synthetic_coco17.py']

heatmaps = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1)
codec = dict(_delete_=True, **heatmaps)

train_pipeline = [dict(t, encoder=heatmaps) if t['type'] == 'GenerateTarget' else t for t in _base_.train_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
