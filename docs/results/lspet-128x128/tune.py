# Six epochs of a whole ResNet-18 with the protocol of short.py, on a seed that it does not use. Multi-KD without its
# connector and allocation leads after two and after four epochs of short.json, and is behind ReviewKD in PCK after six,
# when it has passed its teacher. Do its outputs hold it back, its features, or both?
_base_ = 'short.py'
title = 'What holds Multi-KD back at the end? ResNet-18 on LSPET 128x128, six epochs'
seeds = [3]
baseline = 'cross-stage-kl'

constant = _base_.runs['cross-stage-kl']
output = {'model.objectives.loss_vkd.weight': dict(_delete_=True, type='Cosine', start=3.0, end=0.0)}
runs = {
    '_delete_': True,
    'cross-stage-kl': constant,
    'fading-output': dict(
        constant, label='cross-stage + KL, output to 0', cfg_options={**constant['cfg_options'], **output}),
    # tune.json has this from the constant weights' config and options; its own config, which has the same, came after
    'fading-both': dict(_base_.runs['cross-stage-kl-fading'], label='cross-stage + KL, both to 0'),
    'review-kd': _base_.runs['review-kd']
}
del constant, output
