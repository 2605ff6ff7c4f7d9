import math
import re

import pytest
import tiny
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.distillers.schedules import Progress, build_schedule


def at(schedule, iteration=0, epoch=0, max_iters=100, max_epochs=10):
    return build_schedule(schedule, 'weight').value(Progress(iteration, epoch, max_iters, max_epochs))


def test_number_is_constant():
    assert at(0.25, 0) == at(0.25, 99) == 0.25


@pytest.mark.parametrize('iteration, expected', [(0, 1.0), (50, 1.0), (75, 0.5), (100, 0.0)])
def test_linear_from_half_way_to_the_end(iteration, expected):
    assert at(dict(type='Linear', start=1., end=0., begin=0.5), iteration) == pytest.approx(expected)


@pytest.mark.parametrize('iteration, expected', [(10, 0.0), (20, 0.5), (30, 1.0), (99, 1.0)])
def test_int_positions_count_iterations(iteration, expected):
    assert at(dict(type='Linear', start=0, end=1, begin=10, until=30), iteration) == pytest.approx(expected)


def test_by_epoch_ignores_iterations():
    schedule = dict(type='Linear', start=0, end=1, begin=0, until=4, by_epoch=True)
    assert at(schedule, iteration=39, epoch=3) == at(schedule, iteration=30, epoch=3) == 0.75


@pytest.mark.parametrize('iteration', [0, 13, 50, 99])
def test_cosine_is_half_a_wave(iteration):
    expected = 0.2 + (1.0 - 0.2) * (1 + math.cos(math.pi * iteration / 100)) / 2
    assert at(dict(type='Cosine', start=1., end=0.2), iteration) == pytest.approx(expected)


@pytest.mark.parametrize('epoch, expected', [(0, 2 * math.exp(-5)), (3, 2 * math.exp(-1.25)), (6, 2.0), (9, 2.0)])
def test_gaussian_ramp_is_the_published_one(epoch, expected):
    schedule = dict(type='GaussianRamp', start=0., end=2., until=6, by_epoch=True)
    assert at(schedule, epoch=epoch) == pytest.approx(expected)


@pytest.mark.parametrize('epoch, expected', [(0, 2.0), (4, 2.0), (5, 1.0), (7, 1.0), (8, 0.5)])
def test_multi_step_multiplies_at_each_milestone(epoch, expected):
    assert at(dict(type='MultiStep', value=2., milestones=[5, 8], gamma=0.5, by_epoch=True), epoch=epoch) == expected


@pytest.mark.parametrize('iteration, expected', [(79, 3.0), (80, 0.0), (99, 0.0)])
def test_stop_ends_at_its_position(iteration, expected):
    assert at(dict(type='Stop', value=3., at=0.8), iteration) == expected


@pytest.mark.parametrize('percent', [7, 28, 55, 56, 57, 58])
def test_fractions_of_a_hundred_are_whole_positions(percent):
    """In floats 0.55 * 100 is more than 55."""
    stop, steps = (dict(type='Stop', value=1., at=percent / 100),
                   dict(type='MultiStep', value=1., milestones=[percent / 100]))
    assert (at(stop, percent - 1), at(stop, percent)) == (1.0, 0.0)
    assert (at(steps, percent - 1), at(steps, percent)) == (1.0, pytest.approx(0.1))


@pytest.mark.parametrize('iteration, expected', [(0, 0.0), (5, 0.5 * 0.95), (10, 0.9), (60, 0.4)])
def test_warm_up_multiplies_another_schedule(iteration, expected):
    schedule = dict(type='WarmUp', until=10, weight=dict(type='Linear', start=1., end=0.))
    assert at(schedule, iteration) == pytest.approx(expected)


@pytest.mark.parametrize('schedule, message', [
    (-1, 'at least 0'),
    (float('nan'), 'finite'),
    ('high', 'finite number'),
    (dict(type='Linear', start=1, end=-1), 'end=-1'),
    (dict(type='Linear', start=1, end=0, begin=0.5, until=0.5), 'before it begins'),
    (dict(type='Linear', start=1, end=0, begin=20, until=10), 'before it begins'),
    (dict(type='Linear', start=1, end=0, until=1.5), 'fraction of the training'),
    (dict(type='Linear', begn=1, start=1, end=0), "Did you mean 'begin'"),
    (dict(type='Linaer', start=1, end=0), "Did you mean 'Linear'"),
    (dict(type='Linear', start=1, end=0, until=1), 'until=1: an int counts iterations.* Write 1.0 for the end'),
    (dict(type='WarmUp', weight=1, until=1), 'until=1: an int counts iterations'),
    (dict(type='WarmUp', weight=1, until='0.1'), "until='0.1': expected an int"),
    (dict(type='Linear', start=1, end=0, begin=float('nan')), 'begin=nan: expected an int'),
    (dict(type='Stop', value=1, at=1), 'at=1: an int counts iterations'),
    (dict(type='Stop', value=1), 'needs the argument "at"'),
    (dict(value=1), 'with a "type"'),
    (dict(type='Stop', value=1, at=True), 'at=True: expected an int of at least 0, or a fraction'),
    (dict(type='Stop', value=1, at=-1), 'at=-1: expected an int of at least 0, or a fraction'),
    (dict(type=Progress, iteration=0, epoch=0, max_iters=1, max_epochs=1), 'Progress is no weight schedule'),
])
def test_schedule_that_cannot_work_is_refused(schedule, message):
    with pytest.raises(ConfigError, match=message) as error:
        build_schedule(schedule, 'model.objectives.loss_kd.weight')
    assert 'model.objectives.loss_kd.weight' in str(error.value)


def test_the_first_epoch_may_be_the_end():
    assert build_schedule(dict(type='Stop', value=1., at=1, by_epoch=True), '').value(Progress(9, 0, 20, 2)) == 1


def test_schedule_that_begins_after_its_end_in_this_training_is_refused():
    with pytest.raises(ConfigError, match='before it begins'):
        at(dict(type='Linear', start=1, end=0, begin=0.5, until=10), max_iters=30)


def test_a_position_that_the_training_ends_before_is_logged(tmp_path):
    weights = dict(
        loss_a=dict(type='Stop', value=1., at=3, by_epoch=True),
        loss_b=dict(type='WarmUp', weight=dict(type='MultiStep', value=1., milestones=[2, 5]), until=4),
        loss_c=dict(type='Linear', start=1., end=0., until=2, by_epoch=True))  # there, the training ends
    model = dict(tiny.pose_model(), type='MultiKDDistiller', teacher=dict(
        config=tiny.pose_model(8), allow_random_weights=True, report_metric=False), objectives={
            name: dict(type='OutputObjective', weight=weight) for name, weight in weights.items()})
    tiny.run(tiny.runner_cfg(model, tmp_path, epochs=2))  # of two steps
    log = next(tmp_path.glob('*/*.log')).read_text()
    found = re.findall(r'(\w+)\.weight: this training of 2 epochs and 4 iterations ends before (.*?),', log)
    assert found == [('loss_a', '3 epochs'), ('loss_b', '5 iterations')]


@HOOKS.register_module()
class AsksForProgress(Hook):
    """Asks as the distiller does, before each step."""
    answers = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.answers.append(Progress.of_runner())


def test_progress_is_read_from_the_runner(tmp_path):
    cfg = tiny.runner_cfg(tiny.pose_model(), tmp_path, epochs=2)
    cfg.custom_hooks = [dict(type='AsksForProgress')]
    steps = len(tiny.run(cfg).train_dataloader)
    assert AsksForProgress.answers == [Progress(i, i // steps, 2 * steps, 2) for i in range(2 * steps)]


def test_progress_is_that_of_the_runner_that_trains(tmp_path):
    weight = dict(type='Linear', start=1., end=0.)
    model = dict(tiny.pose_model(), type='MultiKDDistiller', teacher=dict(
        config=tiny.pose_model(8), allow_random_weights=True, report_metric=False), objectives=dict(
            loss_kd=dict(type='OutputObjective', weight=weight)))
    first, _ = (Runner.from_cfg(tiny.runner_cfg(model, tmp_path / name, 1, experiment_name=name)) for name in 'ab')
    first.train()
    assert float(first.message_hub.get_scalar('train/weight_kd').current()) == 0.5  # in the second of two steps
