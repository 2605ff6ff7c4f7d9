# Six epochs of a whole ResNet-18 with the protocol of short.py, on a seed that it does not use. Multi-KD without its
# connector and allocation leads after two and after four epochs of short.json, and is behind ReviewKD in PCK after six,
# when it has passed its teacher. Do its outputs hold it back, its features, or both?
_base_ = 'short.py'
title = 'What holds Multi-KD back at the end? ResNet-18 on LSPET 128x128, six epochs'
seeds = [3]
baseline = 'cross-stage-kl'

teacher = {
    'model.teacher.checkpoint': '{{$MMPOSE_KD_TEACHER_128:work_dirs/hrnet-w32_simdr_lspet-128x128/epoch_60.pth}}',
    'model.teacher.cache': '{{$MMPOSE_KD_CACHE_128:work_dirs/cache_lspet-128x128}}',
    'model.teacher.precision': 'bf16',
    'model.teacher.report_metric': False
}
config = '../../../configs/study/{}_resnet18_hrnet-w32_lspet-128x128.py'
fading = {
    'output': {'model.objectives.loss_vkd.weight': dict(_delete_=True, type='Cosine', start=3.0, end=0.0)},
    'features': {'model.objectives.loss_fkd.weight': dict(_delete_=True, type='Cosine', start=4.0 / 6, end=0.0)}
}
runs = dict(_delete_=True)
for name, method, label, options in (
    ('cross-stage-kl', 'cross-stage-kl', 'cross-stage + KL', {}),
    ('fading-output', 'cross-stage-kl', 'cross-stage + KL, output to 0', fading['output']),
    ('fading-both', 'cross-stage-kl', 'cross-stage + KL, both to 0', {**fading['output'], **fading['features']}),
    ('review-kd', 'review-kd', 'ReviewKD', {}),
):
    runs[name] = dict(config=config.format(method), label=label, cfg_options={**teacher, **options})
del teacher, config, fading, name, method, label, options
