# Does the setting that did best for ResNet-18 help Lite-HRNet-18, the student of Multi-KD's paper? Three epochs in
# three views, which a CPU of two cores does in two hours; the learning rate is that of tuned.py, untuned here.
title = 'Lite-HRNet-18 taught by HRNet-W32 on LSPET 128x128, three epochs'
seeds = [0, 1, 2]
baseline = 'alone'
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}
cfg_options = {
    'train_cfg.max_epochs': 3,
    'train_cfg.val_interval': 1,
    'optim_wrapper.optimizer.lr': 4e-3,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'train_dataloader.dataset.num_views': 3
}
teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER_128:work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE_LITE:work_dirs/cache_litehrnet_lspet-128x128}}',
    'model.teacher.report_metric': False
}
runs = {
    'alone': dict(config='../../../configs/study/alone_litehrnet18_lspet-128x128.py', label='Lite-HRNet-18 alone'),
    'cross-stage-kl-fading': dict(
        config='../../../configs/study/cross-stage-kl-fading_litehrnet18_hrnet-w32_lspet-128x128.py',
        label='cross-stage + KL, fading', cfg_options=teacher)
}
del teacher
