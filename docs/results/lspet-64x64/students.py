# Methods whose students are others: heatmaps, LSPD's first stage, ShuffleHRNet; each student with its own learning rate
# (tune.py). Lite-HRNet-18 alone stands beside ShuffleHRNet, of which the same accuracy is asked at half the latency.
title = 'Students of other kinds on LSPET 64x64'
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

simdr = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
heatmap = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER_HEATMAP:work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE_HEATMAP:work_dirs/cache_heatmap_lspet-64x64}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
students, study = '../../../configs/students', '../../../configs/study'
runs = {
    'alone-heatmap': dict(config=f'{students}/resnet18-w16_heatmap_lspet-64x64.py', label='ResNet-18-w16, heatmaps'),
    'alone-shuffle': dict(config=f'{students}/shuffle-hrnet-w16-g4_simdr_lspet-64x64.py', label='ShuffleHRNet-w16'),
    's-hrnet': dict(
        config=f'{study}/s-hrnet_shuffle-hrnet-w16-g4_hrnet-w32_lspet-64x64.py', label='S-HRNet',
        baseline='alone-shuffle', cfg_options=simdr),
    'okdhp': dict(config=f'{study}/okdhp_resnet18-w16_lspet-64x64.py', label='OKDHP'),
    'alone-lspd': dict(config=f'{students}/lspd-resnet18-w16_heatmap_lspet-64x64.py', label="LSPD's first stage"),
    'lspd': dict(config=f'{study}/lspd_resnet18-w16_lspet-64x64.py', label='LSPD', baseline='alone-lspd'),
    'fpd': dict(
        config=f'{study}/fpd_resnet18-w16_hrnet-w32_lspet-64x64.py', label='KD, heatmaps', cfg_options=heatmap),
    'cdkd': dict(config=f'{study}/cdkd_resnet18-w16_hrnet-w32_lspet-64x64.py', label='CDKD', cfg_options=heatmap),
    'alone-lite': dict(
        config=f'{students}/litehrnet18_simdr_lspet-64x64.py', label='Lite-HRNet-18', baseline='alone-shuffle'),
}
del students, study, simdr, heatmap
