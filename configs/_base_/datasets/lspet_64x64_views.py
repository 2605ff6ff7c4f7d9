# LSPET at 64x64 in 20 views of each image, so that a teacher's answers can be stored: docs/teacher_cache.md
_base_ = ['lspet_64x64.py']

train_dataloader = dict(
    dataset=dict(_delete_=True, type='ViewDataset', num_views=20, dataset=_base_.train_dataloader.dataset))
