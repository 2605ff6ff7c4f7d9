# Why LSPD brings nothing here, on the seed of tune.py: would it with a first stage that is further behind the last, or
# with the last stage's features as well? One stage of a ResNet instead of three is the shallow backbone.
_base_ = 'protocol.py'
title = 'What holds LSPD back? LSPET 64x64, five epochs'
seeds = [10]
baseline = 'alone-shallow'
cfg_options = {'train_cfg.max_epochs': 5}

backbone = 'model.backbone.backbone'
shallow = {
    'optim_wrapper.optimizer.lr': 8e-3,
    f'{backbone}.num_stages': 1,
    f'{backbone}.strides': (1, ),
    f'{backbone}.dilations': (1, ),
    f'{backbone}.out_indices': (0, ),
    'model.backbone.in_channels': 16
}
feature = dict(
    type='FeatureObjective',
    teacher='student',
    weight=0.01,
    student_taps=['backbone.first_stage.2'],
    teacher_taps=['backbone.later_stages.1.2'],
    student_channels=[64],
    teacher_channels=[64],
    connector=dict(type='ConvAligner'),
    loss=dict(type='FeatureMSELoss', normalize='layer'))
lspd = '../../../configs/study/lspd_resnet18-w16_lspet-64x64.py'
runs = {
    'alone-shallow': dict(
        config='../../../configs/students/lspd-resnet18-w16_heatmap_lspet-64x64.py', label='shallow first stage alone',
        cfg_options=shallow),
    'lspd-shallow': dict(config=lspd, label='LSPD, shallow', cfg_options=shallow),
    'lspd-features': dict(  # alone-lspd-5e of tune.py had 8e-3
        config=lspd, label='LSPD with features', baseline='lspd-features',
        cfg_options={'optim_wrapper.optimizer.lr': 4e-3, 'model.objectives.loss_feature': feature})
}
del backbone, shallow, feature, lspd
