# The same views as alone_litehrnet18_lspet-128x128.py.
_base_ = ['../multi_kd/cross-stage-kl-fading_litehrnet18_hrnet-w32_lspet-128x128.py']

train_dataloader = dict(
    dataset=dict(_delete_=True, type='ViewDataset', num_views=6, dataset=_base_.train_dataloader.dataset))
model = dict(test_cfg=dict(flip_test=False))
