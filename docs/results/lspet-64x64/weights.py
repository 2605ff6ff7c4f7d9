# How much the weights of Multi-KD's two terms matter, as the paper's Fig. 5 asks: one is changed, the other kept.
title = "Weights of Multi-KD's terms on LSPET 64x64"
seeds = [10, 11, 12]
baseline = 'alone'
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}
cfg_options = {
    'train_cfg.max_epochs': 5,
    'train_cfg.val_interval': 5,
    'optim_wrapper.optimizer.lr': 4e-3,
    'train_dataloader.num_workers': 0,  # a worker's sending costs more than its work
    'train_dataloader.persistent_workers': False
}

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
runs = {
    'alone': dict(config='../../../configs/students/resnet18-w16_simdr_lspet-64x64.py', label='student alone'),
    **{
        f'{name}-{weight:g}': dict(
            config='../../../configs/study/multi-kd_resnet18-w16_hrnet-w32_lspet-64x64.py',
            label=f'{name} = {weight:g}', cfg_options={**teacher, f'model.objectives.{loss}.weight': weight})
        for name, loss, weights in (('alpha', 'loss_fkd', (0.4, 1.3, 4., 12., 40.)),
                                    ('beta', 'loss_vkd', (0.3, 1., 10., 30.)))
        for weight in weights
    }
}
del teacher
