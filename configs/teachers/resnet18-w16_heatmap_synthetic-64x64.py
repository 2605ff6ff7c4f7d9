# A ResNet-18 of a quarter of its width for the drawn people.
_base_ = ['../students/resnet18-w8_heatmap_synthetic-64x64.py']

model = dict(
    backbone=dict(stem_channels=16, base_channels=16),
    head=dict(in_channels=128, deconv_out_channels=(64, 64)))

train_cfg = dict(max_epochs=10)
