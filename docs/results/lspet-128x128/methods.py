# The comparison for a GPU: pictures of twice the side, whole students, 60 epochs, every method as its config states it.
# The teachers train first, in the study. Backbones begin with ImageNet's weights, which are downloaded; on a machine
# without a network these variables name the files. Not run yet: there was no GPU.
title = 'Lite-HRNet-18, ShuffleHRNet and ResNet-18 on LSPET 128x128'
seeds = [0, 1, 2]
baseline = 'alone'
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}

folder = '../../../configs'
initial = 'model.backbone.init_cfg.checkpoint'
w32 = {initial: '{{$MMPOSE_KD_HRNET_W32:https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w32-36af842e.pth}}'}
res18 = {initial: '{{$MMPOSE_KD_RESNET18:torchvision://resnet18}}'}
res50 = {initial: '{{$MMPOSE_KD_RESNET50:torchvision://resnet50}}'}
hrnet = {'model.teacher.checkpoint': '{checkpoint:hrnet-w32}', 'model.teacher.precision': 'bf16'}
resnet = {'model.teacher.checkpoint': '{checkpoint:resnet50}', 'model.teacher.precision': 'bf16'}
pair = 'litehrnet18_hrnet-w32_lspet-128x128'
methods = {
    'kd': ('baselines', 'KD'), 'fitnet': ('baselines', 'FitNet'), 'at': ('baselines', 'AT'), 'sp': ('baselines', 'SP'),
    'rkd': ('baselines', 'RKD'), 'review-kd': ('baselines', 'ReviewKD'), 'multi-kd': ('multi_kd', 'Multi-KD'),
    'two-stage-1': ('two_stage', 'two-stage, 1'), 'dwpose-1': ('dwpose', 'DWPose, 1'),
    'cross-stage': ('multi_kd', 'cross-stage'), 'cross-stage-mft': ('multi_kd', 'cross-stage + MFT'),
    'cross-stage-wa': ('multi_kd', 'cross-stage + WA'), 'cross-stage-mft-wa': ('multi_kd', 'cross-stage + MFT + WA'),
    'cross-stage-kl-fading': ('multi_kd', 'cross-stage + KL, fading')
}
whole = {  # of a ResNet-18 with a SimDR head, which has views where those above draw anew
    'kd': 'KD', 'fitnet': 'FitNet', 'review-kd': 'ReviewKD', 'multi-kd': 'Multi-KD',
    'cross-stage-kl-fading': 'cross-stage + KL, fading'
}
views = {'train_dataloader.dataset.num_views': 60}
fading = {
    f'model.objectives.{objective}.weight': dict(_delete_=True, type='Cosine', start=start, end=0.0)
    for objective, start in (('loss_fkd', 4.0), ('loss_vkd', 3.0))
}
normalised = {'model.objectives.loss_fkd.loss': dict(type='FeatureMSELoss', normalize='layer')}
runs = {
    'hrnet-w32': dict(
        config=f'{folder}/teachers/hrnet-w32_simdr_lspet-128x128.py', label='teacher, HRNet-W32', seeds=[0],
        cfg_options=w32),
    'resnet50': dict(
        config=f'{folder}/teachers/resnet50_heatmap_lspet-128x128.py', label='teacher, ResNet-50', seeds=[0],
        cfg_options=res50),
    'alone': dict(config=f'{folder}/students/litehrnet18_simdr_lspet-128x128.py', label='Lite-HRNet-18 alone'),
    **{
        name: dict(config=f'{folder}/{system}/{name}_{pair}.py', label=label, cfg_options=hrnet)
        for name, (system, label) in methods.items()
    },
    'multi-kd-fading': dict(
        config=f'{folder}/multi_kd/multi-kd_{pair}.py', label='Multi-KD, fading',
        cfg_options={**hrnet, **normalised, **fading}),
    'two-stage-2': dict(
        config=f'{folder}/two_stage/two-stage-2_{pair}.py', label='two-stage, 2',
        cfg_options={**hrnet, 'load_from': '{checkpoint:two-stage-1}'}),
    'dwpose-2': dict(
        config=f'{folder}/dwpose/dwpose-2_{pair}.py', label='DWPose, 2', cfg_options={
            'model.teacher.checkpoint': '{checkpoint:dwpose-1}',
            'model.backbone.init_cfg.checkpoint': '{checkpoint:dwpose-1}'}),
    'alone-shuffle': dict(
        config=f'{folder}/students/shuffle-hrnet-w32-g4_simdr_lspet-128x128.py', label='ShuffleHRNet-W32 alone',
        cfg_options=w32),
    's-hrnet': dict(
        config=f'{folder}/s_hrnet/s-hrnet_shuffle-hrnet-w32-g4_hrnet-w32_lspet-128x128.py', label='S-HRNet',
        baseline='alone-shuffle', cfg_options={**hrnet, **w32}),
    'alone-resnet18': dict(
        config=f'{folder}/students/resnet18_simdr_lspet-128x128.py', label='ResNet-18 alone', cfg_options=views),
    **{
        f'{name}-resnet18': dict(
            config=f'{folder}/study/{name}_resnet18_hrnet-w32_lspet-128x128.py', label=f'{label}, ResNet-18',
            baseline='alone-resnet18', cfg_options={**hrnet, **views})
        for name, label in whole.items()
    },
    'alone-heatmap': dict(
        config=f'{folder}/students/resnet18_heatmap_lspet-128x128.py', label='ResNet-18 with heatmaps alone',
        cfg_options=res18),
    'cdkd': dict(
        config=f'{folder}/cdkd/cdkd_resnet18_resnet50_lspet-128x128.py', label='CDKD', baseline='alone-heatmap',
        cfg_options={**resnet, **res18}),
    'okdhp': dict(
        config=f'{folder}/okdhp/okdhp_resnet18_lspet-128x128.py', label='OKDHP', baseline='alone-heatmap',
        cfg_options=res18),
    'alone-lspd': dict(
        config=f'{folder}/students/lspd-litehrnet18_heatmap_lspet-128x128.py', label="LSPD's first stage alone"),
    'lspd': dict(config=f'{folder}/lspd/lspd_litehrnet18_lspet-128x128.py', label='LSPD', baseline='alone-lspd')
}
del folder, initial, w32, res18, res50, hrnet, resnet, pair, methods, whole, views, fading, normalised
