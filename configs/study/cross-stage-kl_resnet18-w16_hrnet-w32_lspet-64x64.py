# Multi-KD without its connector and its allocation: no row of the paper's, but what both have to be worth.
_base_ = ['cross-stage_resnet18-w16_hrnet-w32_lspet-64x64.py']

model = dict(objectives=dict(loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=3.0)))
