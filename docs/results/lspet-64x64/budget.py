# Where the gain goes when the training grows: faster learning, or a better end? Every length has its own schedule, and
# all have one teacher, which need not be that of methods.py.
_base_ = 'protocol.py'
title = 'Longer trainings on LSPET 64x64'
seeds = [10, 11, 12]  # of weights.py: its runs alone and multi-kd are these after five epochs, and may be copied here
baseline = 'alone-5e'
cfg_options = {'optim_wrapper.optimizer.lr': 4e-3}

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
pair = 'resnet18-w16_hrnet-w32_lspet-64x64'
methods = {
    'alone': ('../../../configs/students/resnet18-w16_simdr_lspet-64x64.py', 'student alone', {}),
    'kd': (f'../../../configs/study/kd_{pair}.py', 'KD', teacher),
    'multi-kd': (f'../../../configs/study/multi-kd_{pair}.py', 'Multi-KD', teacher)
}
runs = {
    f'{name}-{epochs}e': dict(
        config=config, label=f'{label}, {epochs} epochs', baseline=f'alone-{epochs}e',
        cfg_options={**options, 'train_cfg.max_epochs': epochs})
    for epochs in (5, 15)
    for name, (config, label, options) in methods.items()
}
del teacher, pair, methods
