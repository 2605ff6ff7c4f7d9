# How much the weights of Multi-KD's two terms matter, as the paper's Fig. 5 asks: one is changed, the other kept.
_base_ = 'protocol.py'
title = "Weights of Multi-KD's terms on LSPET 64x64"
seeds = [10, 11, 12]
baseline = 'alone'
cfg_options = {'train_cfg.max_epochs': 5, 'optim_wrapper.optimizer.lr': 4e-3}

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
whole = '../../../configs/study/multi-kd_resnet18-w16_hrnet-w32_lspet-64x64.py'  # alpha 4, beta 3
runs = {
    'alone': dict(config='../../../configs/students/resnet18-w16_simdr_lspet-64x64.py', label='student alone'),
    'multi-kd': dict(config=whole, label='Multi-KD', cfg_options=teacher),
    **{
        f'{name}-{weight:g}': dict(
            config=whole, label=f'{name} = {weight:g}',
            cfg_options={**teacher, f'model.objectives.{loss}.weight': weight})
        for name, loss, weights in (('alpha', 'loss_fkd', (0.4, 1.3, 12., 40.)),
                                    ('beta', 'loss_vkd', (0.3, 1., 10., 30.)))
        for weight in weights
    }
}
del teacher, whole
