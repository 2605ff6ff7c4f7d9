# Methods whose student predicts heatmaps; learning rate and weights from tune.py.
_base_ = 'protocol.py'
title = 'ResNet-18-w16 with heatmaps on LSPET 64x64'
baseline = 'alone-heatmap'
cfg_options = {'optim_wrapper.optimizer.lr': 8e-3}

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
