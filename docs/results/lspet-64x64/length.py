# How long does the student alone gain from a longer training? Every length has its own schedule. Ten epochs with these
# seeds are in methods.py.
_base_ = 'protocol.py'
title = 'Longer trainings of the student alone on LSPET 64x64'
baseline = 'alone-20e'
cfg_options = {'optim_wrapper.optimizer.lr': 4e-3}
runs = {
    f'alone-{epochs}e': dict(
        config='../../../configs/students/resnet18-w16_simdr_lspet-64x64.py',
        label=f'student alone, {epochs} epochs',
        cfg_options={'train_cfg.max_epochs': epochs})
    for epochs in (20, 40)
}
