# LSPET at 64x64 pixels. Sigma is 1 pixel of the input, as large a share of it as at 128x128.
_base_ = ['lspet_128x128.py']

small = dict(type='SimDRLabel', input_size=(64, 64), sigma=2.0, simcc_split_ratio=2.0)
codec = dict(_delete_=True, **small)

changes = dict(TopdownAffine=dict(input_size=small['input_size']), GenerateTarget=dict(encoder=small))
train_pipeline = [dict(t, **changes.get(t['type'], {})) for t in _base_.train_pipeline]
val_pipeline = [dict(t, **changes.get(t['type'], {})) for t in _base_.val_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
del small, changes
