# LSPD on its own student, and S-HRNet on ShuffleHRNet; learning rates from tune.py. Lite-HRNet-18 alone stands beside
# ShuffleHRNet, of which the same accuracy is asked at half the latency.
_base_ = 'protocol.py'
title = 'Other students on LSPET 64x64'
baseline = 'alone-lspd'
cfg_options = {'optim_wrapper.optimizer.lr': 8e-3}

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
students, study = '../../../configs/students', '../../../configs/study'
runs = {
    'alone-lspd': dict(config=f'{students}/lspd-resnet18-w16_heatmap_lspet-64x64.py', label="LSPD's first stage"),
    'lspd': dict(config=f'{study}/lspd_resnet18-w16_lspet-64x64.py', label='LSPD'),
    'lspd-teacher': dict(
        config=f'{study}/lspd-teacher_resnet18-w16_hrnet-w32_lspet-64x64.py', label='LSPD with a teacher',
        cfg_options={
            **teacher,
            'model.teacher.checkpoint':
                '{{$MMPOSE_KD_TEACHER_HEATMAP:work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth}}',
            'model.teacher.cache': '{{$MMPOSE_KD_CACHE_HEATMAP:work_dirs/cache_heatmap_lspet-64x64}}'
        }),
    'alone-shuffle': dict(config=f'{students}/shuffle-hrnet-w16-g4_simdr_lspet-64x64.py', label='ShuffleHRNet-w16'),
    's-hrnet': dict(
        config=f'{study}/s-hrnet_shuffle-hrnet-w16-g4_hrnet-w32_lspet-64x64.py', label='S-HRNet',
        baseline='alone-shuffle', cfg_options=teacher),
    'alone-lite': dict(
        config=f'{students}/litehrnet18_simdr_lspet-64x64.py', label='Lite-HRNet-18', baseline='alone-shuffle'),
}
del students, study, teacher
