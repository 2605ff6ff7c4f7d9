# LSPD: its first stage alone, with the later stages, and with a teacher beside the last; learning rate from tune.py.
_base_ = 'protocol.py'
title = 'LSPD on LSPET 64x64'
baseline = 'alone-lspd'
cfg_options = {'optim_wrapper.optimizer.lr': 8e-3}

study = '../../../configs/study'
runs = {
    'alone-lspd': dict(
        config='../../../configs/students/lspd-resnet18-w16_heatmap_lspet-64x64.py', label="LSPD's first stage"),
    'lspd': dict(config=f'{study}/lspd_resnet18-w16_lspet-64x64.py', label='LSPD'),
    'lspd-teacher': dict(
        config=f'{study}/lspd-teacher_resnet18-w16_hrnet-w32_lspet-64x64.py', label='LSPD with a teacher',
        cfg_options={
            'model.teacher.checkpoint':
                '{{$MMPOSE_KD_TEACHER_HEATMAP:work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth}}',
            'model.teacher.cache': '{{$MMPOSE_KD_CACHE_HEATMAP:work_dirs/cache_heatmap_lspet-64x64}}',
            'model.teacher.precision': 'bf16',
            'model.teacher.report_metric': False
        }),
}
del study
