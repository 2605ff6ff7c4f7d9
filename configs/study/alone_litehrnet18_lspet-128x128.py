# Lite-HRNet-18 in few views of each image, so that a teacher's answers can be stored for its distilled twin.
_base_ = ['../students/litehrnet18_simdr_lspet-128x128.py']

train_dataloader = dict(
    dataset=dict(_delete_=True, type='ViewDataset', num_views=6, dataset=_base_.train_dataloader.dataset))
model = dict(test_cfg=dict(flip_test=False))
