# Why LSPD brings nothing here, on the seed of tune.py: would it with a first stage that is further behind the last,
# with the last stage's features as well, or with a backbone that serves the later stages less? One stage of a ResNet
# instead of three is the shallow backbone. Where the later stages' labels weigh a tenth, AdamW moves the later stages
# themselves as fast, but what the backbone gets is mostly the first stage's gradient.
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
mse = dict(type='KeypointMSELoss', use_target_weight=True)
light = dict(mse, loss_weight=0.1)
rate = {'optim_wrapper.optimizer.lr': 8e-3}
lspd = '../../../configs/study/lspd_resnet18-w16_lspet-64x64.py'
runs = {
    'alone-shallow': dict(
        config='../../../configs/students/lspd-resnet18-w16_heatmap_lspet-64x64.py', label='shallow first stage alone',
        cfg_options=shallow),
    'lspd-shallow': dict(config=lspd, label='LSPD, shallow', cfg_options=shallow),
    'lspd-features': dict(  # alone-lspd-5e of tune.py had 8e-3
        config=lspd, label='LSPD with features', baseline='lspd-features',
        cfg_options={'optim_wrapper.optimizer.lr': 4e-3, 'model.objectives.loss_feature': feature}),
    'alone': dict(
        config='../../../configs/students/lspd-resnet18-w16_heatmap_lspet-64x64.py', label='first stage alone',
        baseline='alone', cfg_options=rate),
    'lspd-light': dict(
        config=lspd, label='LSPD, later stages of weight 0.1', baseline='alone',
        cfg_options={**rate, 'model.head.loss': [mse, light, light]}),
    'lspd': dict(config=lspd, label='LSPD', baseline='alone', cfg_options=rate),
    'lspd-features-8e-3': dict(
        config=lspd, label='LSPD with features, 8e-3', baseline='alone',
        cfg_options={**rate, 'model.objectives.loss_feature': feature})
}
del backbone, shallow, feature, mse, light, rate, lspd
