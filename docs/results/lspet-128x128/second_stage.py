# What does a second stage bring whose warm-up is its own? In lspet-64x64/methods.py both kept the 500 steps of the
# first, which are half or all of theirs. The length of each second stage is that of there; the first of the two-stage
# system is also trained for as long as both together.
title = 'Second stages of a ResNet-18-w16 taught by HRNet-W32 on LSPET 128x128'
seeds = [0, 1, 2]
baseline = 'two-stage-1'
metrics = {'PCK': 'PCK@0.2', 'AUC': 'AUC', 'coco/AP': 'AP'}
cfg_options = {
    'train_cfg.max_epochs': 6,
    'train_cfg.val_interval': 2,
    'optim_wrapper.optimizer.lr': 4e-3,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False
}

cached = {
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE_STAGES:work_dirs/cache_stages_lspet-128x128}}',
    'model.teacher.report_metric': False
}
refine = {**cached, 'train_cfg.max_epochs': 4, 'load_from': '{checkpoint:two-stage-1}'}
again = {
    'train_cfg.max_epochs': 2, 'model.teacher.checkpoint': '{checkpoint:dwpose-1}',
    'model.teacher.report_metric': False, 'model.backbone.init_cfg.checkpoint': '{checkpoint:dwpose-1}'
}
own = {'param_scheduler.0.end': 50}
runs = {
    'two-stage-1': dict(config='configs/two-stage-1.py', label='two-stage, 1', cfg_options=cached),
    'two-stage-2': dict(config='configs/two-stage-2.py', label='two-stage, 2', cfg_options={**refine, **own}),
    'two-stage-1-10e': dict(
        config='configs/two-stage-1.py', label='two-stage, 1, ten epochs',
        cfg_options={**cached, 'train_cfg.max_epochs': 10}),
    'dwpose-1': dict(
        config='configs/dwpose-1.py', label='DWPose, 1', baseline='dwpose-1', cfg_options=cached),
    'dwpose-2': dict(
        config='configs/dwpose-2.py', label='DWPose, 2', baseline='dwpose-1', cfg_options={**again, **own}),
    'dwpose-2-500': dict(
        config='configs/dwpose-2.py', label='DWPose, 2, warm-up of 500', baseline='dwpose-1', cfg_options=again)
}
del cached, refine, again, own
