import logging
import shutil
from pathlib import Path

import pytest
import tiny
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.registry import DATA_SAMPLERS
from mmengine.runner import FlexibleRunner, Runner
from mmpose.registry import METRICS
from torch.utils.data import BatchSampler

from mmpose_kd.checkpoint import load_checkpoint
from mmpose_kd.errors import ConfigError

OBJECTIVES = dict(
    loss_fkd=dict(
        type='FeatureObjective',
        student_taps=['backbone.layer2', 'backbone.layer3'],
        teacher_taps=['backbone.layer2', 'backbone.layer3'],
        student_channels=[8, 16],
        teacher_channels=[16, 32],
        connector=dict(type='ConvAligner'),
        loss=dict(type='FeatureMSELoss'),
        weight=dict(type='Linear', start=1., end=0.)),
    loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss')))


def student(**teacher):
    teacher = dict(dict(config=tiny.pose_model(8), allow_random_weights=True), **teacher)
    return dict(tiny.pose_model(), type='MultiKDDistiller', teacher=teacher, objectives=OBJECTIVES)


@pytest.fixture(scope='module')
def teacher_file(tmp_path_factory):
    path = tmp_path_factory.mktemp('teacher') / 'teacher.pth'
    torch.manual_seed(3)
    torch.save(tiny.build(tiny.pose_model(8)).state_dict(), path)
    return dict(checkpoint=str(path), allow_random_weights=False)


def load(folder, epoch):
    return load_checkpoint(str(folder / f'epoch_{epoch}.pth'))


def equal(a, b):
    """Whether two nested structures are bit-identical."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


EMA = dict(custom_hooks=[dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.1, update_buffers=True)])
ACCUMULATE = dict(optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3), accumulative_counts=3))  # of two an epoch
WORKERS = {'train_dataloader.num_workers': 1}
RANKS = {'randomness.diff_rank_seed': True}  # the samplers of all ranks share another one


@DATA_SAMPLERS.register_module()
class FullBatches(BatchSampler):
    """PyTorch's, as a part of a config."""

    def __init__(self, sampler, batch_size):
        super().__init__(sampler, batch_size, drop_last=False)


@pytest.mark.parametrize('extra', [{}, EMA, ACCUMULATE, WORKERS, RANKS],
                         ids=['plain', 'ema', 'accumulation', 'workers', 'a seed for each rank'])
def test_resumed_run_equals_the_uninterrupted_one(tmp_path, teacher_file, extra):
    cfg = tiny.runner_cfg(student(**teacher_file), tmp_path / 'whole', epochs=3)
    cfg.merge_from_dict(extra)
    tiny.run(cfg)
    tiny.run(cfg, **{'work_dir': str(tmp_path / 'parts'), 'train_cfg.max_epochs': 3, 'default_hooks.checkpoint': dict(
        type='CheckpointHook', interval=1)})
    for epoch in (2, 3):  # as if the run had been killed after its first epoch
        (tmp_path / 'parts' / f'epoch_{epoch}.pth').unlink()
    tiny.run(cfg, work_dir=str(tmp_path / 'parts'), resume=True, load_from=str(tmp_path / 'parts' / 'epoch_1.pth'))
    whole, parts = load(tmp_path / 'whole', 3), load(tmp_path / 'parts', 3)
    for key in ('state_dict', 'distillation', 'optimizer', *(['ema_state_dict'] if 'custom_hooks' in extra else [])):
        assert equal(whole[key], parts[key]), key


@pytest.mark.parametrize('workers, batches', [(0, False), (1, False), (0, True)])
def test_a_resumed_run_without_a_seed_takes_over_that_which_was_drawn(tmp_path, teacher_file, workers, batches):
    cfg = tiny.runner_cfg(student(**teacher_file), tmp_path / 'whole', epochs=2)
    cfg.pop('randomness')
    cfg.train_dataloader.num_workers = workers
    if batches:
        cfg.train_dataloader.batch_sampler = dict(type='FullBatches', batch_size=cfg.train_dataloader.pop('batch_size'))
    tiny.run(cfg)
    shutil.copytree(tmp_path / 'whole', tmp_path / 'parts')
    (tmp_path / 'parts' / 'epoch_2.pth').unlink()
    tiny.run(cfg, work_dir=str(tmp_path / 'parts'), resume=True, load_from=str(tmp_path / 'parts' / 'epoch_1.pth'))
    whole, parts = load(tmp_path / 'whole', 2), load(tmp_path / 'parts', 2)
    assert equal(whole['state_dict'], parts['state_dict'])


def test_a_checkpoint_that_was_saved_by_steps_is_resumed_with_a_warning(tmp_path, teacher_file):
    cfg = tiny.runner_cfg(student(**teacher_file), tmp_path, epochs=2)  # of two steps
    tiny.run(cfg)
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', by_epoch=False, interval=1)
    tiny.run(cfg)
    warning = 'after 3 steps, which are not 1 epochs of 2: it was saved within an epoch, or'
    for name, expected in (('iter_3', True), ('epoch_1', False)):
        work_dir = str(tmp_path / f'from_{name}')
        tiny.run(cfg, work_dir=work_dir, resume=True, load_from=str(tmp_path / f'{name}.pth'))
        log = next(Path(work_dir).glob('*/*.log')).read_text()
        assert (warning in log) == expected and ('saved within an epoch' in log) == expected


@pytest.mark.parametrize('scheduler, missing', [(True, 'no optimizer and no param_schedulers,'),
                                                (False, 'no optimizer,')])
def test_the_best_checkpoint_is_resumed_with_a_warning_that_it_lacks_the_optimizer(scheduler, missing, tmp_path,
                                                                                  teacher_file):
    cfg = tiny.runner_cfg(student(**teacher_file), tmp_path, epochs=1, default_hooks=dict(
        checkpoint=dict(type='CheckpointHook', interval=1, save_best='PCK', rule='greater')))
    if not scheduler:
        cfg.pop('param_scheduler')
    tiny.run(cfg)
    for name, expected in (('best_PCK_epoch_1', True), ('epoch_1', False)):
        work_dir = str(tmp_path / f'from_{name}')
        tiny.run(cfg, work_dir=work_dir, resume=True, load_from=str(tmp_path / f'{name}.pth'),
                 **{'train_cfg.max_epochs': 2})
        log = next(Path(work_dir).glob('*/*.log')).read_text()
        assert (f'the checkpoint to resume from has {missing}' in log) == expected


def test_checkpoint_holds_the_student_and_apart_from_it_the_connectors(tmp_path, teacher_file):
    tiny.run(tiny.runner_cfg(student(**teacher_file), tmp_path, epochs=1, **EMA))
    checkpoint = load(tmp_path, 1)
    plain = tiny.build(tiny.pose_model())
    plain.load_state_dict(checkpoint['state_dict'], strict=True)
    assert list(checkpoint['distillation']['objectives']) == [
        f'loss_fkd.connectors.{i}.project.{name}' for i in (0, 1) for name in ('weight', 'bias')]
    ema = {k[len('module.'):] for k in checkpoint['ema_state_dict'] if k.startswith('module.')}
    assert ema == set(plain.state_dict())


def test_connector_weights_are_trained(tmp_path, teacher_file):
    tiny.run(tiny.runner_cfg(student(**teacher_file), tmp_path, epochs=2))
    first, second = (load(tmp_path, e)['distillation']['objectives'] for e in (1, 2))
    assert any(not torch.equal(first[k], second[k]) for k in first)


def test_resume_from_a_plain_checkpoint_is_refused(tmp_path, teacher_file):
    tiny.run(tiny.runner_cfg(tiny.pose_model(), tmp_path, epochs=1))
    before = (tmp_path / 'epoch_1.pth').read_bytes()
    cfg = tiny.runner_cfg(student(**teacher_file), tmp_path, resume=True, load_from=str(tmp_path / 'epoch_1.pth'))
    with pytest.raises(ConfigError, match='not written by a distilled run.*load_from'):
        tiny.run(cfg)
    assert (tmp_path / 'epoch_1.pth').read_bytes() == before


def test_load_from_takes_the_weights_of_a_plain_checkpoint(tmp_path, teacher_file):
    tiny.run(tiny.runner_cfg(tiny.pose_model(), tmp_path / 'plain', epochs=1))
    cfg = tiny.runner_cfg(student(**teacher_file), tmp_path / 'kd', epochs=1,
                          load_from=str(tmp_path / 'plain' / 'epoch_1.pth'),
                          optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-30)))  # changes nothing
    tiny.run(cfg)
    loaded, plain = load(tmp_path / 'kd', 1)['state_dict'], load(tmp_path / 'plain', 1)['state_dict']
    assert torch.equal(loaded['backbone.conv1.weight'], plain['backbone.conv1.weight'])


def test_config_without_any_hook_of_ours_gets_them_once(tmp_path, teacher_file):
    runner = Runner.from_cfg(tiny.runner_cfg(student(**teacher_file), tmp_path, experiment_name='hooks_once'))
    names = [type(hook).__name__ for hook in runner.hooks]
    assert names.count('DistillCheckpointHook') == names.count('TeacherMetricHook') == 1


def test_hook_in_the_config_is_not_registered_twice(tmp_path, teacher_file):
    cfg = tiny.runner_cfg(student(**teacher_file), tmp_path, experiment_name='hook_given')
    cfg.default_hooks.distillation = dict(type='DistillCheckpointHook')
    names = [type(hook).__name__ for hook in Runner.from_cfg(cfg).hooks]
    assert names.count('DistillCheckpointHook') == 1


def test_plain_model_gets_no_hook(tmp_path):
    runner = Runner.from_cfg(tiny.runner_cfg(tiny.pose_model(), tmp_path, experiment_name='plain_hooks'))
    assert not {type(h).__name__ for h in runner.hooks} & {'DistillCheckpointHook', 'TeacherMetricHook'}


def test_missing_teacher_stops_the_run_before_the_first_step(tmp_path):
    cfg = tiny.runner_cfg(student(checkpoint='gone.pth', allow_random_weights=False), tmp_path)
    with pytest.raises(ConfigError, match=r'model.teacher: .*gone\.pth'):
        tiny.run(cfg)
    assert not list(tmp_path.glob('*.pth'))


def test_keypoint_mismatch_stops_the_run_before_the_first_step(tmp_path):
    hands = dict(from_file='configs/_base_/datasets/coco_wholebody_hand.py')
    model = student(config=tiny.pose_model(8, keypoints=21), metainfo=hands)
    with pytest.raises(ConfigError, match="model.teacher: the teacher has no keypoint named 'nose'"):
        tiny.run(tiny.runner_cfg(model, tmp_path))


def test_teacher_paths_relative_to_the_config_file_work_from_anywhere(tmp_path, monkeypatch):
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'elsewhere').mkdir()
    torch.save(tiny.build(tiny.pose_model(8)).state_dict(), tmp_path / 'configs' / 't.pth')
    Config(dict(model=tiny.pose_model(8))).dump(str(tmp_path / 'configs' / 't.py'))
    model = student(config='t.py', checkpoint='t.pth', allow_random_weights=False)
    cfg = tiny.runner_cfg(model, tmp_path / 'run', epochs=1)
    cfg.dump(str(tmp_path / 'configs' / 'student.py'))
    monkeypatch.chdir(tmp_path / 'elsewhere')
    tiny.run(Config.fromfile(str(tmp_path / 'configs' / 'student.py')))
    [dumped] = (tmp_path / 'run').glob('*.py')
    tiny.run(Config.fromfile(str(dumped)), work_dir=str(tmp_path / 'again'))
    assert (tmp_path / 'again' / 'epoch_1.pth').is_file()


def test_teachers_metric_is_logged_once_beside_the_students(tmp_path, teacher_file, caplog):
    runner = tiny.run(tiny.runner_cfg(student(**teacher_file), tmp_path, epochs=2, log_level='INFO'))
    [log] = tmp_path.rglob('*.log')
    text = log.read_text()
    assert text.count('teacher on the validation set: PCK') == 1
    assert text.count('student / teacher: PCK') == 2
    assert set(runner.message_hub.runtime_info['teacher_metrics']['teacher']) == {'PCK'}


@pytest.mark.parametrize('change, evaluations', [(0., 1), (0.1, 2)], ids=['the same', 'another'])
def test_a_resumed_run_evaluates_a_teacher_again_if_it_is_another(change, evaluations, tmp_path, teacher_file):
    cfg = tiny.runner_cfg(student(**teacher_file), tmp_path / 'run', epochs=1, log_level='INFO')
    tiny.run(cfg)
    weights = torch.load(teacher_file['checkpoint'])
    torch.save({name: value + change if value.is_floating_point() else value for name, value in weights.items()},
               tmp_path / 'second.pth')
    cfg.model.teacher.checkpoint = str(tmp_path / 'second.pth')
    tiny.run(cfg, resume=True, **{'train_cfg.max_epochs': 2})
    text = ''.join(log.read_text() for log in tmp_path.rglob('*.log'))
    assert text.count('teacher on the validation set: PCK') == evaluations


@pytest.mark.parametrize('main, expected', [(True, [(2, 'evaluating teacher')]), (False, [])])
def test_the_main_process_alone_shows_how_far_the_evaluation_is(main, expected, tmp_path, teacher_file, monkeypatch):
    shown = []
    hook = 'mmpose_kd.engine.hooks.teacher_metric'
    monkeypatch.setattr(f'{hook}.track', lambda items, what: shown.append((len(items), what)) or items)
    monkeypatch.setattr(f'{hook}.is_main_process', lambda: main)
    tiny.run(tiny.runner_cfg(student(**teacher_file), tmp_path, epochs=1))
    assert shown == expected


def test_a_mistake_in_an_objective_is_known_before_the_teacher_is_evaluated(tmp_path, teacher_file, monkeypatch):
    model = student(**teacher_file)
    model['objectives'] = dict(loss_fkd=dict(OBJECTIVES['loss_fkd'], student_channels=[8, 4]))
    monkeypatch.setattr('mmpose_kd.engine.hooks.teacher_metric.track', pytest.fail)
    with pytest.raises(ConfigError, match=r'loss_fkd: .* set student_channels\[1\]=16'):
        tiny.run(tiny.runner_cfg(model, tmp_path, epochs=1))


@pytest.mark.parametrize('workers', [0, 1])
def test_a_training_is_the_same_with_and_without_the_teachers_metric(workers, tmp_path, teacher_file):
    with_metric, without = (
        tiny.run(tiny.runner_cfg(student(**teacher_file, report_metric=shown), tmp_path / str(shown), epochs=1),
                 **{'train_dataloader.num_workers': workers})
        for shown in (True, False))
    assert equal(with_metric.model.state_dict(), without.model.state_dict())
    assert equal(with_metric.model.distillation_state(), without.model.distillation_state())


def test_teachers_metric_is_the_plain_teachers(tmp_path, teacher_file):
    runner = tiny.run(tiny.runner_cfg(student(**teacher_file), tmp_path / 'kd', epochs=1, samples=16))
    plain = Runner.from_cfg(tiny.runner_cfg(tiny.pose_model(8), tmp_path / 'plain', samples=16, experiment_name='plain',
                                            load_from=teacher_file['checkpoint']))
    expected = plain.val()
    assert runner.message_hub.runtime_info['teacher_metrics']['teacher'] == pytest.approx(expected)


@METRICS.register_module()
class Each(BaseMetric):
    """Returns a list beside a number, which MMEngine allows."""

    def process(self, data_batch, data_samples):
        self.results += [1.] * len(data_samples)

    def compute_metrics(self, results):
        return dict(number=len(results), each=results)


def test_what_a_metric_returns_beside_numbers_is_left_out_of_the_teachers(tmp_path, teacher_file):
    cfg = tiny.runner_cfg(student(**teacher_file), tmp_path, epochs=1, val_evaluator=dict(type='Each'))
    assert tiny.run(cfg).message_hub.runtime_info['teacher_metrics']['teacher'] == dict(number=8)


def test_a_runner_that_would_not_save_the_connectors_is_refused(tmp_path):
    cfg = tiny.runner_cfg(student(), tmp_path, env_cfg=dict())
    with pytest.raises(ConfigError, match='model.type=MultiKDDistiller: FlexibleRunner .* neither load the teachers'):
        FlexibleRunner.from_cfg(cfg)
    cfg.model = tiny.pose_model()
    assert isinstance(FlexibleRunner.from_cfg(cfg), FlexibleRunner)


def test_teachers_metric_can_be_switched_off(tmp_path, teacher_file):
    runner = tiny.run(tiny.runner_cfg(student(**teacher_file, report_metric=False), tmp_path, epochs=1))
    assert 'teacher_metrics' not in runner.message_hub.runtime_info


def test_every_loss_and_weight_reaches_the_visualizer(tmp_path, teacher_file):
    tiny.run(tiny.runner_cfg(student(**teacher_file), tmp_path, epochs=1, visualizer=dict(
        type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]), log_level=logging.INFO))
    [scalars] = tmp_path.rglob('scalars.json')
    for key in ('"loss_fkd"', '"weight_fkd"', '"loss_vkd"', '"weight_vkd"', '"teacher/PCK"'):
        assert key in scalars.read_text()
