# LSPET at 64x64 with heatmaps as labels, in 20 views of each image. Sigma is 4 pixels of the input.
_base_ = ['lspet_64x64.py']

heatmaps = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1)
codec = dict(_delete_=True, **heatmaps)

train_pipeline = [dict(t, encoder=heatmaps) if t['type'] == 'GenerateTarget' else t for t in _base_.train_pipeline]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ViewDataset',
        num_views=20,
        dataset=dict(_base_.train_dataloader.dataset, pipeline=train_pipeline)))
