# Cross-stage features and KD of a whole ResNet-18 whose weights fade to 0 along half a cosine wave, as a student that
# passes its teacher has nothing left to learn from it.
_base_ = ['cross-stage-kl_resnet18_hrnet-w32_lspet-128x128.py']

model = dict(
    objectives=dict(
        loss_fkd=dict(weight=dict(_delete_=True, type='Cosine', start=4.0 / 6, end=0.0)),
        loss_vkd=dict(weight=dict(_delete_=True, type='Cosine', start=3.0, end=0.0))))
