# Six epochs on a CPU: a whole ResNet-18 and a teacher that stock MMPose has trained. Everyone trains under autocast to
# bfloat16, to save time, and without workers, whose sending costs more than their work.
title = 'ResNet-18 taught by HRNet-W32 on LSPET 128x128, six epochs'
seeds = [0, 1, 2]
baseline = 'alone'
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}
cfg_options = {
    'train_cfg.max_epochs': 6,
    'train_cfg.val_interval': 2,
    'optim_wrapper.type': 'AmpOptimWrapper',
    'optim_wrapper.dtype': 'bfloat16',
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False
}

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER_128:work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE_128:work_dirs/cache_lspet-128x128}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
config = '../../../configs/study/{}_resnet18_hrnet-w32_lspet-128x128.py'
labels = {
    'kd': 'KD', 'multi-kd': 'Multi-KD', 'fitnet': 'FitNet', 'review-kd': 'ReviewKD',
    'cross-stage-kl': 'cross-stage + KL', 'cross-stage-kl-fading': 'cross-stage + KL, fading'
}
runs = {
    'alone': dict(config='../../../configs/students/resnet18_simdr_lspet-128x128.py', label='ResNet-18 alone'),
    'kd-3': dict(
        config=config.format('kd'), label='KD, weight 3',
        cfg_options={**teacher, 'model.objectives.loss_vkd.weight': 3.0}),
    **{
        name: dict(config=config.format(name), label=label, cfg_options=teacher)
        for name, label in labels.items()
    },
    # The same for the two closest others, from the weights that they have without it.
    **{
        f'{name}-fading': dict(
            config=config.format(name), label=f'{labels[name]}, fading',
            cfg_options={
                **teacher,
                f'model.objectives.{objective}.weight': dict(_delete_=True, type='Cosine', start=start, end=0.0)
            })
        for name, objective, start in [('fitnet', 'loss_fkd', 4.0), ('review-kd', 'loss_review', 0.1)]
    }
}
del teacher, config, labels
