# Multi-KD on drawn people in four views of each, so that the teacher's answers can be stored.
_base_ = ['../../../../configs/multi_kd/multi-kd_resnet_hrnet-w8_synthetic-64x64.py']

train_dataloader = dict(
    dataset=dict(_delete_=True, type='ViewDataset', num_views=4, dataset=_base_.train_dataloader.dataset))
