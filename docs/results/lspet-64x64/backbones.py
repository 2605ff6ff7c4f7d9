# ShuffleHRNet beside Lite-HRNet-18, both alone: is it as accurate at half the latency? The learning rate is that which
# tuning chose for ShuffleHRNet.
_base_ = 'protocol.py'
title = 'ShuffleHRNet and Lite-HRNet-18 on LSPET 64x64'
baseline = 'alone-lite'
cfg_options = {'optim_wrapper.optimizer.lr': 8e-3}

students = '../../../configs/students'
runs = {
    'alone-lite': dict(config=f'{students}/litehrnet18_simdr_lspet-64x64.py', label='Lite-HRNet-18'),
    'alone-shuffle': dict(config=f'{students}/shuffle-hrnet-w16-g4_simdr_lspet-64x64.py', label='ShuffleHRNet-w16'),
}
del students
