# The student of the Multi-KD paper: Lite-HRNet-18 alone, with Multi-KD, without its two parts and with KD alone. Five
# epochs on four views, the learning rate of backbones.py and the weights that tuning chose for a ResNet-18-w16.
_base_ = 'protocol.py'
title = 'Lite-HRNet-18 taught by HRNet-W32 on LSPET 64x64, five epochs'
baseline = 'alone'
cfg_options = {
    'train_cfg.max_epochs': 5,
    'train_dataloader.dataset.num_views': 4,
    'optim_wrapper.optimizer.lr': 8e-3
}

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
    'model.teacher.report_metric': False
}
runs = {
    'multi-kd': dict(
        config='../../../configs/study/multi-kd_litehrnet18_hrnet-w32_lspet-64x64.py', label='Multi-KD',
        cfg_options=teacher),
    'kd': dict(
        config='../../../configs/study/kd_litehrnet18_hrnet-w32_lspet-64x64.py', label='KD', cfg_options=teacher),
    'cross-stage-kl': dict(
        config='../../../configs/study/cross-stage-kl_litehrnet18_hrnet-w32_lspet-64x64.py',
        label='cross-stage + KL', cfg_options=teacher),
    'alone': dict(config='../../../configs/students/litehrnet18_simdr_lspet-64x64.py', label='Lite-HRNet-18 alone')
}
del teacher
