# Every method on the student with a SimDR head: the learning rate is that of the student alone (tune.py), the length
# was not tuned.
_base_ = 'protocol.py'
title = 'ResNet-18-w16 taught by HRNet-W32 on LSPET 64x64'
baseline = 'alone'
cfg_options = {'optim_wrapper.optimizer.lr': 4e-3}

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
labels = {
    'kd': 'KD', 'multi-kd': 'Multi-KD', 'fitnet': 'FitNet', 'at': 'AT', 'sp': 'SP', 'rkd': 'RKD',
    'review-kd': 'ReviewKD', 'two-stage-1': 'two-stage, 1', 'dwpose-1': 'DWPose, 1',
    'multi-kd-paper': "Multi-KD, paper's weights", 'cross-stage': 'cross-stage',
    'cross-stage-mft': 'cross-stage + MFT', 'cross-stage-wa': 'cross-stage + WA',
    'cross-stage-mft-wa': 'cross-stage + MFT + WA', 'cross-stage-kl': 'cross-stage + KL'
}
pair = 'resnet18-w16_hrnet-w32_lspet-64x64'
runs = dict(
    alone=dict(config='../../../configs/students/resnet18-w16_simdr_lspet-64x64.py', label='ResNet-18-w16 alone'),
    **{
        name: dict(config=f'../../../configs/study/{name}_{pair}.py', label=label, cfg_options=teacher)
        for name, label in labels.items()
    })
runs['two-stage-2'] = dict(
    config=f'../../../configs/study/two-stage-2_{pair}.py', label='two-stage, 2', cfg_options={
        **teacher, 'train_cfg.max_epochs': 4, 'train_cfg.val_interval': 4, 'load_from': '{checkpoint:two-stage-1}'})
runs['dwpose-2'] = dict(
    config=f'../../../configs/study/dwpose-2_{pair}.py', label='DWPose, 2', cfg_options={
        'train_cfg.max_epochs': 2, 'train_cfg.val_interval': 2, 'model.teacher.checkpoint': '{checkpoint:dwpose-1}',
        'model.backbone.init_cfg.checkpoint': '{checkpoint:dwpose-1}'})
del teacher, labels, pair
