# LSPD of Lite-HRNet-18: its first stage alone, with the later stages, with a teacher beside the last, and with the
# teacher instead of the later stages. Five epochs on four views, the learning rate of backbones.py; nothing was tuned.
_base_ = 'protocol.py'
title = 'LSPD of Lite-HRNet-18 on LSPET 64x64, five epochs'
baseline = 'alone'
cfg_options = {
    'train_cfg.max_epochs': 5,
    'train_dataloader.dataset.num_views': 4,
    'optim_wrapper.optimizer.lr': 8e-3
}

study = '../../../configs/study'
teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER_HEATMAP:work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE_HEATMAP:work_dirs/cache_heatmap_lspet-64x64}}',
    'model.teacher.report_metric': False
}
runs = {
    'alone': dict(
        config='../../../configs/students/lspd-litehrnet18_heatmap_lspet-64x64.py', label="LSPD's first stage"),
    'lspd': dict(config=f'{study}/lspd_litehrnet18_lspet-64x64.py', label='LSPD'),
    'lspd-teacher': dict(
        config=f'{study}/lspd-teacher_litehrnet18_hrnet-w32_lspet-64x64.py', label='LSPD with a teacher',
        cfg_options=teacher),
    'kd': dict(
        config=f'{study}/kd_lspd-litehrnet18_hrnet-w32_lspet-64x64.py', label='KD of the first stage',
        cfg_options=teacher),
}
del study, teacher
