# LSPET with heatmaps as labels. Sigma is 6 pixels of the input, 8 in MMPose's for 256x192: the input is half as large,
# but the labels are noisy.
_base_ = ['lspet_128x128.py']

heatmaps = dict(type='MSRAHeatmap', input_size=(128, 128), heatmap_size=(32, 32), sigma=1.5)
codec = dict(_delete_=True, **heatmaps)

train_pipeline = [dict(t, encoder=heatmaps) if t['type'] == 'GenerateTarget' else t for t in _base_.train_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
