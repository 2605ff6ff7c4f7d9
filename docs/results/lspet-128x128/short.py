# Six epochs on a CPU: a whole ResNet-18 and a teacher that stock MMPose has trained.
title = 'ResNet-18 taught by HRNet-W32 on LSPET 128x128, six epochs'
seeds = [0, 1, 2]
baseline = 'alone'
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}
cfg_options = {'train_cfg.max_epochs': 6, 'train_cfg.val_interval': 2}

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER_128:work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE_128:work_dirs/cache_lspet-128x128}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
pair = 'resnet18_hrnet-w32_lspet-128x128'
runs = dict(
    alone=dict(config='../../../configs/students/resnet18_simdr_lspet-128x128.py', label='ResNet-18 alone'),
    **{
        name: dict(config=f'../../../configs/study/{name}_{pair}.py', label=label, cfg_options=teacher)
        for name, label in (('kd', 'KD'), ('multi-kd', 'Multi-KD'))
    })
del teacher, pair
