# Every method for a few epochs: that its loss falls and the student learns. Too short for a comparison.
title = 'Every method on LSPET 64x64 for two epochs'
seeds = [0]
baseline = 'alone'
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}
cfg_options = {'train_cfg.max_epochs': 2, 'train_cfg.val_interval': 1, 'optim_wrapper.optimizer.lr': 2e-3}

simdr = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
heatmap = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER_HEATMAP:work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
students, study = '../../../configs/students', '../../../configs/study'
runs = {
    'alone': dict(config=f'{students}/resnet18-w16_simdr_lspet-64x64.py', label='ResNet-18-w16'),
    'alone-heatmap': dict(config=f'{students}/resnet18-w16_heatmap_lspet-64x64.py', label='ResNet-18-w16, heatmaps'),
    'alone-lspd': dict(config=f'{students}/lspd-resnet18-w16_heatmap_lspet-64x64.py', label="LSPD's first stage"),
    'alone-shuffle': dict(config=f'{students}/shuffle-hrnet-w16-g4_simdr_lspet-64x64.py', label='ShuffleHRNet-w16'),
    'lspd': dict(config=f'{study}/lspd_resnet18-w16_lspet-64x64.py', label='LSPD', baseline='alone-lspd'),
    'okdhp': dict(config=f'{study}/okdhp_resnet18-w16_lspet-64x64.py', label='OKDHP', baseline='alone-heatmap'),
    's-hrnet': dict(
        config=f'{study}/s-hrnet_shuffle-hrnet-w16-g4_hrnet-w32_lspet-64x64.py', label='S-HRNet',
        baseline='alone-shuffle', cfg_options=simdr),
    'cdkd': dict(
        config=f'{study}/cdkd_resnet18-w16_hrnet-w32_lspet-64x64.py', label='CDKD', baseline='alone-heatmap',
        cfg_options=heatmap),
    **{
        name: dict(config=f'{study}/{name}_resnet18-w16_hrnet-w32_lspet-64x64.py', label=label, cfg_options=simdr)
        for name, label in (('multi-kd', 'Multi-KD'), ('two-stage-1', 'two-stage, 1'), ('kd', 'KD'),
                            ('fitnet', 'FitNet'), ('rkd', 'RKD'), ('at', 'AT'), ('sp', 'SP'),
                            ('review-kd', 'ReviewKD'), ('dwpose-1', 'DWPose, 1'))
    },
    'two-stage-2': dict(
        config=f'{study}/two-stage-2_resnet18-w16_hrnet-w32_lspet-64x64.py', label='two-stage, 2',
        cfg_options={**simdr, 'load_from': '{checkpoint:two-stage-1}'}),
    'dwpose-2': dict(
        config=f'{study}/dwpose-2_resnet18-w16_hrnet-w32_lspet-64x64.py', label='DWPose, 2', cfg_options={
            'model.teacher.checkpoint': '{checkpoint:dwpose-1}',
            'model.backbone.init_cfg.checkpoint': '{checkpoint:dwpose-1}'}),
}
del simdr, heatmap, students, study
