# How long does the student alone gain from a longer training, and what is left to gain from a teacher then? Every
# length has its own schedule. Ten epochs with these seeds are in methods.py.
_base_ = 'protocol.py'
title = 'Longer trainings of ResNet-18-w16 on LSPET 64x64'
baseline = 'alone-40e'
cfg_options = {'optim_wrapper.optimizer.lr': 4e-3, 'train_cfg.max_epochs': 40}

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
    'model.teacher.report_metric': False
}
fading = {
    f'model.objectives.{objective}.weight': dict(_delete_=True, type='Cosine', start=start, end=0.0)
    for objective, start in (('loss_fkd', 4.0 / 6), ('loss_vkd', 3.0))
}
alone = '../../../configs/students/resnet18-w16_simdr_lspet-64x64.py'
config = '../../../configs/study/{}_resnet18-w16_hrnet-w32_lspet-64x64.py'
runs = {
    'alone-20e': dict(config=alone, label='student alone, 20 epochs', cfg_options={'train_cfg.max_epochs': 20}),
    'alone-40e': dict(config=alone, label='student alone, 40 epochs'),
    'cross-stage-kl-fading-40e': dict(
        config=config.format('cross-stage-kl'), label='cross-stage + KL, fading, 40 epochs',
        cfg_options={**teacher, **fading}),
    'kd-40e': dict(config=config.format('kd'), label='KD, 40 epochs', cfg_options=teacher),
    'multi-kd-40e': dict(config=config.format('multi-kd'), label='Multi-KD, 40 epochs', cfg_options=teacher)
}
del teacher, fading, alone, config
