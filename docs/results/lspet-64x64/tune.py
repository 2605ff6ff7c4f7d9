# What the comparison trains with: the learning rate of each student alone, ten epochs, and the weights of each method,
# five epochs. The seed is none of the comparison's.
title = 'Learning rates and weights on LSPET 64x64'
seeds = [10]
baseline = 'alone-5e'
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}
cfg_options = {'train_cfg.val_interval': 5}

students, study = '../../../configs/students', '../../../configs/study'
configs = {
    'alone': f'{students}/resnet18-w16_simdr_lspet-64x64.py',
    'alone-heatmap': f'{students}/resnet18-w16_heatmap_lspet-64x64.py',
    'alone-lspd': f'{students}/lspd-resnet18-w16_heatmap_lspet-64x64.py',
    'alone-shuffle': f'{students}/shuffle-hrnet-w16-g4_simdr_lspet-64x64.py',
}
simdr = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER:work_dirs/hrnet-w32_simdr_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE:work_dirs/cache_lspet-64x64}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
rates = {
    'alone': ('4e-3', '1e-3', '2e-3', '8e-3'),
    'alone-heatmap': ('4e-3', '1e-3', '2e-3', '8e-3'),
    'alone-lspd': ('4e-3', '2e-3', '8e-3'),
    'alone-shuffle': ('4e-3', '2e-3', '8e-3')
}
runs = {
    f'{name}-lr{rate}': dict(
        config=configs[name], baseline=f'{name}-lr4e-3',
        cfg_options={'train_cfg.max_epochs': 10, 'optim_wrapper.optimizer.lr': float(rate)})
    for name in configs
    for rate in rates[name]
}
short = {'train_cfg.max_epochs': 5, 'optim_wrapper.optimizer.lr': 4e-3}
runs['alone-5e'] = dict(config=configs['alone'], cfg_options=short)
for fkd, vkd in ((4, 1.0), (12, 1.0), (4, 3)):
    runs[f'multi-kd-{fkd}-{vkd:g}'] = dict(
        config=f'{study}/multi-kd_resnet18-w16_hrnet-w32_lspet-64x64.py',
        cfg_options={**simdr, **short, 'model.objectives.loss_fkd.weight': fkd,
                     'model.objectives.loss_vkd.weight': vkd})
for method, loss, weights in (
    ('kd', 'vkd.weight', (1, 3, 10)),
    ('fitnet', 'fkd.weight', (4, 12)),
    ('at', 'fkd.weight', (40, 4, 0.4)),
    ('sp', 'fkd.weight', (90, 9, 0.9)),
    ('rkd', 'fkd.weight', (1, 0.1, 0.01)),
    ('review-kd', 'review.weight.weight', (0.1, 0.02, 0.3)),
    ('two-stage-1', 'structure.weight', (1, 0.1)),
    ('dwpose-1', 'fea.weight.start', (0.3, 0.03)),
):
    for weight in weights:
        runs[f'{method}-{weight}'] = dict(
            config=f'{study}/{method}_resnet18-w16_hrnet-w32_lspet-64x64.py',
            cfg_options={**simdr, **short, f'model.objectives.loss_{loss}': weight})
heatmap = {
    **simdr,
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER_HEATMAP:work_dirs/hrnet-w32_heatmap_lspet-64x64/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE_HEATMAP:work_dirs/cache_heatmap_lspet-64x64}}'
}
short = {
    'train_cfg.max_epochs': 5,
    'optim_wrapper.optimizer.lr': 8e-3,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False
}
runs['alone-heatmap-5e'] = dict(config=configs['alone-heatmap'], cfg_options=short)
for task, okd in ((0.5, 0.5), (1, 1), (1, 3)):
    runs[f'fpd-{task}-{okd}'] = dict(
        config=f'{study}/fpd_resnet18-w16_hrnet-w32_lspet-64x64.py', baseline='alone-heatmap-5e',
        cfg_options={**heatmap, **short, 'model.head.loss.loss_weight': task, 'model.objectives.loss_okd.weight': okd})
for fkd in (0.07, 0.007, 0.0007):  # raw features of the last stage
    runs[f'cdkd-{fkd}'] = dict(
        config=f'{study}/cdkd-mgd_resnet18-w16_hrnet-w32_lspet-64x64.py', baseline='alone-heatmap-5e',
        cfg_options={**heatmap, **short, 'model.objectives.loss_fkd.weight': fkd})
for fkd in (0.01, 0.001):  # layer-normalised
    runs[f'cdkd-layer-{fkd}-0.5'] = dict(
        config=f'{study}/cdkd-mgd_resnet18-w16_hrnet-w32_lspet-64x64.py', baseline='alone-heatmap-5e',
        cfg_options={**heatmap, **short, 'model.objectives.loss_fkd.weight': fkd,
                     'model.objectives.loss_okd.weight': 0.5,
                     'model.objectives.loss_fkd.loss': dict(type='FeatureMSELoss', normalize='layer')})
for fkd, okd in ((0.001, 0.5), (0.005, 0.5), (0.001, 1), (0.02, 1)):  # of the middle stage
    runs[f'cdkd-middle-{fkd}-{okd}'] = dict(
        config=f'{study}/cdkd_resnet18-w16_hrnet-w32_lspet-64x64.py', baseline='alone-heatmap-5e',
        cfg_options={**heatmap, **short, 'model.objectives.loss_fkd.weight': fkd,
                     'model.objectives.loss_okd.weight': okd})
for end, loss in ((2, {}), (200, {}), (2, {'loss.temperature': 0.1})):
    runs['-'.join(f'{value}' for value in ('okdhp', end, *loss.values()))] = dict(
        config=f'{study}/okdhp_resnet18-w16_lspet-64x64.py', baseline='alone-heatmap-5e',
        cfg_options={**short, **{
            f'model.objectives.loss_branch{b}.{key}': value
            for b in range(3) for key, value in {'weight.end': end, **loss}.items()}})
runs['alone-lspd-5e'] = dict(config=configs['alone-lspd'], cfg_options=short)
for end in (1, 0.3, 10):
    runs[f'lspd-{end}'] = dict(
        config=f'{study}/lspd_resnet18-w16_lspet-64x64.py', baseline='alone-lspd-5e',
        cfg_options={**short, **{f'model.objectives.loss_stage{t}.weight.end': end for t in (1, 2)}})
runs['alone-shuffle-5e'] = dict(config=configs['alone-shuffle'], cfg_options=short)
for task, okd in ((0.5, 0.5), (1, 3)):
    runs[f's-hrnet-{task}-{okd}'] = dict(
        config=f'{study}/s-hrnet_shuffle-hrnet-w16-g4_hrnet-w32_lspet-64x64.py', baseline='alone-shuffle-5e',
        cfg_options={**simdr, **short, 'model.head.loss.loss_weight': task, 'model.objectives.loss_okd.weight': okd})
# Last, as Lite-HRNet trains five times as long as the others; tune.json has neither, they were not finished.
for rate in ('4e-3', '8e-3'):
    runs[f'alone-lite-lr{rate}'] = dict(
        config=f'{students}/litehrnet18_simdr_lspet-64x64.py', baseline='alone-lite-lr4e-3',
        cfg_options={'train_cfg.max_epochs': 10, 'optim_wrapper.optimizer.lr': float(rate)})
del students, study, configs, simdr, heatmap, rates, rate, short, fkd, vkd, method, loss, weights, weight
del task, okd, end
