# LSPET at 128x128 in six views of each image, so that a teacher's answers can be stored: docs/teacher_cache.md
_base_ = ['lspet_128x128.py']

train_dataloader = dict(
    dataset=dict(_delete_=True, type='ViewDataset', num_views=6, dataset=_base_.train_dataloader.dataset))
