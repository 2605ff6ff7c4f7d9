import math
import re

import pytest
import tiny
import torch
from mmengine.hooks import Hook
from mmpose.models.backbones import ResNet
from mmpose.registry import HOOKS, MODELS

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.objectives.base import Objective


@MODELS.register_module()
class BreaksLater(Objective):
    """Fine in the first step and of this value afterwards."""

    def __init__(self, value):
        super().__init__(teacher='student')
        self.value, self.calls = value, 0

    def forward(self, student, teacher, data_samples):
        self.calls += 1
        return student.outputs[0].mean() * 0 + (1.0 if self.calls < 3 else self.value)


def config(work_dir, value, **kwargs):
    model = dict(
        tiny.pose_model(), type='MultiKDDistiller', objectives=dict(loss_mine=dict(type='BreaksLater', value=value)))
    return tiny.runner_cfg(model, work_dir, **kwargs)


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_named_with_its_step_and_its_batch_is_saved(tmp_path, value):
    with pytest.raises(ConfigError, match=rf'^step 3: loss_mine is {value}; .*lr.*clip_grad'):
        tiny.run(config(tmp_path, value, epochs=2))
    saved = torch.load(tmp_path / 'not_finite_step_3.pth', weights_only=False)
    assert saved['step'] == 3 and not math.isfinite(saved['losses']['loss_mine'])
    assert math.isfinite(saved['losses']['loss_kpt'])
    assert len(saved['batch']['inputs']) == len(saved['batch']['data_samples']) == 4


def test_no_checkpoint_is_written_after_it(tmp_path):
    with pytest.raises(ConfigError):
        tiny.run(config(tmp_path, math.nan, epochs=2))  # two steps an epoch: the third is in the second
    assert [path.name for path in tmp_path.glob('epoch_*.pth')] == ['epoch_1.pth']


@MODELS.register_module()
class NoGradient(Objective):
    """A finite loss, whose gradient is NaN in the third step."""

    calls = 0

    def forward(self, student, teacher, data_samples):
        self.calls += 1
        return (student.outputs[0].mean() * (0. if self.calls == 4 else 1e-4)).abs().sqrt()


def test_weights_that_are_not_finite_are_not_saved_though_every_loss_was(tmp_path):
    cfg = config(tmp_path, 0., epochs=3)
    cfg.model.objectives = dict(loss_mine=dict(type='NoGradient', teacher='student'))
    with pytest.raises(ConfigError, match=r'backbone\.\S+ is not finite at step \d.*a gradient was not: lower'):
        tiny.run(cfg)  # the fourth step is the last of the second epoch
    assert [path.name for path in tmp_path.glob('epoch_*.pth')] == ['epoch_1.pth']


@MODELS.register_module()
class Masked(ResNet):
    """A backbone with a buffer as those that attention is masked with."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.register_buffer('mask', torch.full((2, 2), -math.inf))


def test_a_buffer_that_is_meant_to_be_infinite_is_saved(tmp_path):
    model = tiny.pose_model()
    model['backbone']['type'] = 'Masked'
    tiny.run(tiny.runner_cfg(model, tmp_path, 1, custom_imports=dict(imports=['mmpose_kd'])))
    assert (tmp_path / 'epoch_1.pth').is_file()


@HOOKS.register_module()
class Poison(Hook):
    """Makes a parameter NaN after the last step of the second epoch."""

    def __init__(self, name):
        self.name = name

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == 3:
            dict(runner.model.named_parameters())[self.name].data.view(-1)[0] = math.nan


@pytest.mark.parametrize('name', ['objectives.loss_fkd.connectors.0.project.weight', 'backbone.conv1.weight'])
def test_neither_are_connectors_nor_what_an_average_hides(tmp_path, name):
    cfg = tiny.runner_cfg(dict(tiny.pose_model(), type='MultiKDDistiller', objectives=dict(loss_fkd=dict(
        type='FeatureObjective', teacher='student', student_taps=['backbone.layer2'], teacher_taps=['backbone.layer2'],
        student_channels=[8], teacher_channels=[8], connector=dict(type='ConvAligner')))), tmp_path, epochs=3)
    cfg.custom_hooks = [dict(type='Poison', name=name), dict(type='EMAHook', interval=3)]  # not averaged any more
    with pytest.raises(ConfigError, match=f'{name} is not finite at step 4, and no checkpoint is written'):
        tiny.run(cfg)
    assert [path.name for path in tmp_path.glob('epoch_*.pth')] == ['epoch_1.pth']


def test_custom_keys_that_change_nothing_are_logged(tmp_path):
    cfg = config(tmp_path, 2.0)
    cfg.optim_wrapper.optimizer.weight_decay = 0.1
    cfg.optim_wrapper.paramwise_cfg = dict(custom_keys=dict(
        backbon=dict(lr_mult=0.1), bakcbone=dict(lr_mult=0.1), head=dict(lr_mlt=0.1, decay_mult=0.)))
    tiny.run(cfg)
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'custom_keys["bakcbone"] is part of no parameter\'s name and changes nothing. Did you mean' in log
    assert 'custom_keys["head"]: nothing reads "lr_mlt". Did you mean \'lr_mult\'' in log
    assert 'custom_keys["backbon"]' not in log and 'nothing reads "decay_mult"' not in log


def test_custom_keys_that_are_part_of_an_objectives_name_are_logged(tmp_path):
    cfg = tiny.runner_cfg(dict(tiny.pose_model(), type='MultiKDDistiller', objectives={name: dict(
        type='FeatureObjective', teacher='student', student_taps=['backbone.layer2'], teacher_taps=['backbone.layer2'],
        student_channels=[8], teacher_channels=[8], connector=dict(type='ConvAligner'))
        for name in ('loss_backbone', 'loss_head', 'loss_other')}), tmp_path, epochs=1)
    cfg.optim_wrapper.paramwise_cfg = dict(custom_keys={
        'backbone': dict(lr_mult=0.1), 'head': dict(lr_mult=0.1), 'objectives.loss_head': dict(lr_mult=1.),
        'loss_other': dict(lr_mult=1.)})
    rates = {group['lr'] for group in tiny.run(cfg).optim_wrapper.optimizer.param_groups}
    assert len(rates) == 2  # those of backbone, head and loss_backbone, and of the others
    log = next(tmp_path.glob('*/*.log')).read_text()
    found = re.findall(r'"(\w+)"\] is part of the name of model.objectives.(\w+),', log)
    assert found == [('backbone', 'loss_backbone')]


def test_finite_losses_pass(tmp_path):
    assert tiny.run(config(tmp_path, 2.0, epochs=2)).iter == 4
    assert not list(tmp_path.glob('not_finite*'))


def test_a_training_set_without_a_sample_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='no batch: its dataset has 3 samples, and drop_last=True .* batch_size=4'):
        tiny.run(config(tmp_path, 1.0, samples=3), **{'train_dataloader.drop_last': True})


def test_so_it_is_where_a_schedule_asks_for_the_steps_of_an_epoch_first(tmp_path):
    cfg = config(tmp_path, 1.0, samples=3)
    cfg.custom_imports = dict(imports=['mmpose_kd'], allow_failed_imports=False)
    cfg.param_scheduler = dict(type='LinearLR', start_factor=0.1, by_epoch=True, end=1, convert_to_iter_based=True)
    with pytest.raises(ConfigError, match='no batch: its dataset has 3 samples, and drop_last=True .* batch_size=4'):
        tiny.run(cfg, **{'train_dataloader.drop_last': True})
