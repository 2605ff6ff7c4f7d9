# Methods whose student predicts heatmaps; learning rate and weights from tune.py.
title = 'ResNet-18-w16 with heatmaps on LSPET 64x64'
seeds = [0, 1, 2]
baseline = 'alone-heatmap'
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}
cfg_options = {
    'train_cfg.max_epochs': 10,
    'train_cfg.val_interval': 5,
    'optim_wrapper.optimizer.lr': 8e-3,
    'train_dataloader.num_workers': 0,  # a worker's sending costs more than its work
    'train_dataloader.persistent_workers': False
}

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER_HEATMAP:work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE_HEATMAP:work_dirs/cache_heatmap_lspet-64x64}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
study = '../../../configs/study'
runs = {
    'alone-heatmap': dict(
        config='../../../configs/students/resnet18-w16_heatmap_lspet-64x64.py', label='ResNet-18-w16, heatmaps'),
    'okdhp': dict(config=f'{study}/okdhp_resnet18-w16_lspet-64x64.py', label='OKDHP'),
    'fpd': dict(
        config=f'{study}/fpd_resnet18-w16_hrnet-w32_lspet-64x64.py', label='KD, heatmaps', cfg_options=teacher),
    'cdkd': dict(config=f'{study}/cdkd_resnet18-w16_hrnet-w32_lspet-64x64.py', label='CDKD', cfg_options=teacher),
}
del study, teacher
