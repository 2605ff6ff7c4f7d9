"""DWPose's recipe with our losses: against MMPose's own, and its two stages one after the other."""
from pathlib import Path

import pytest
import tiny
import torch
from mmengine.config import Config
from mmpose.models.losses import FeaLoss, KDLoss, KLDiscretLoss
from mmpose.registry import MODELS

from mmpose_kd.checkpoint import load_checkpoint
from mmpose_kd.models.distillers.schedules import Progress, build_schedule
from mmpose_kd.models.losses import SimDRKLLoss, SimDRLoss
from mmpose_kd.models.taps import Record

FOLDER = Path(__file__).parents[2] / 'configs/dwpose'
STAGE_1 = sorted(FOLDER.glob('dwpose-1*.py'))
STAGE_2 = sorted(FOLDER.glob('dwpose-2*.py'))
N, K, BINS = 3, 5, 8


def each(paths):
    return pytest.mark.parametrize('path', paths, ids=lambda path: path.stem)


def logits(seed, bins=(BINS, 2 * BINS)):
    generator = torch.Generator().manual_seed(seed)
    return tuple(3 * torch.randn(N, K, size, generator=generator, dtype=torch.float64) for size in bins)


@pytest.mark.parametrize('beta', [1., 10.])
def test_kd_loss_is_ours_times_2_beta_squared(beta):
    theirs = KDLoss(name='loss_logit', use_this=True, weight=0.1)(logits(0), logits(1), beta, None)
    ours = SimDRKLLoss(temperature=1 / beta)(logits(0), logits(1))
    torch.testing.assert_close(theirs, 0.1 * 2 * beta**2 * ours)


def test_kd_loss_ignores_keypoint_weights_and_ours_does_not():
    weights = torch.zeros(N, K, dtype=torch.float64)
    assert KDLoss(name='loss_logit', use_this=True)(logits(0), logits(1), 1., weights) > 0
    assert SimDRKLLoss()(logits(0), logits(1), weights) == 0


def test_fea_loss_is_ours_times_the_size_of_the_map():
    theirs = FeaLoss('loss_fea', True, student_channels=6, teacher_channels=4, alpha_fea=7e-5)
    ours = MODELS.build(dict(
        type='FeatureObjective', student_taps=['feats[-1]'], teacher_taps=['feats[-1]'],
        student_channels=[6], teacher_channels=[4], connector=dict(type='ConvAligner')))
    ours.connectors[0].project.load_state_dict(theirs.align.state_dict())
    student, teacher = torch.randn(N, 6, 8, 7), torch.randn(N, 4, 8, 7)
    value = ours(Record(feats=[student]), Record(feats=[teacher]), [])
    torch.testing.assert_close(theirs(student, teacher), 7e-5 * 4 * 8 * 7 * value)


def test_the_task_loss_of_rtmpose_has_the_gradient_of_ours_times_2_persons_over_bins():
    student = [x.requires_grad_() for x in logits(0, (BINS, BINS))]
    labels = [x.softmax(-1) for x in logits(1, (BINS, BINS))]
    theirs = KLDiscretLoss(use_target_weight=False)(student, labels, None)
    ours = SimDRLoss()(student, labels)
    for a, b in zip(torch.autograd.grad(theirs, student), torch.autograd.grad(ours, student)):
        torch.testing.assert_close(a, 2 * N / BINS * b)


@each(STAGE_1)
def test_the_weights_are_dwposes_in_proportion_to_the_task_loss(path):
    cfg = Config.fromfile(str(path))
    bins = sum(cfg.codec.input_size)  # mean of the axes, two bins a pixel
    task = 2 * 64 / bins  # what DWPose's task loss is of ours, at its 64 images a GPU
    fea, logit = (build_schedule(o.weight, name).value(Progress()) for name, o in cfg.model.objectives.items())
    channels, (width, height) = cfg.model.objectives.loss_fea.teacher_channels[0], cfg.codec.input_size
    assert fea == pytest.approx(7e-5 * channels * (height // 4) * (width // 4) / task)
    assert logit == pytest.approx(0.1 * 2 / task)


@each(STAGE_1)
def test_both_weights_fall_from_epoch_to_epoch_as_dwposes(path):
    cfg = Config.fromfile(str(path))
    epochs = cfg.train_cfg.max_epochs
    for name, objective in cfg.model.objectives.items():
        schedule = build_schedule(objective.weight, name)
        for epoch in (0, 1, epochs - 1):
            progress = Progress(iteration=10 * epoch + 3, epoch=epoch, max_iters=10 * epochs, max_epochs=epochs)
            assert schedule.value(progress) == pytest.approx(objective.weight.start * (1 - epoch / epochs))


@each(STAGE_2)
def test_the_backbone_is_that_of_the_teacher(path):
    model = Config.fromfile(str(path)).model
    first = Config.fromfile(model.teacher.config)
    assert model.backbone.init_cfg.checkpoint == model.teacher.checkpoint
    assert {**model.backbone, 'init_cfg': None} == {**first.model.backbone, 'init_cfg': None}


def stage(objectives, teacher, **kwargs):
    model = tiny.pose_model(size=(32, 32), **kwargs)
    model['head']['loss'] = dict(type='SimDRLoss')
    return dict(model, type='MultiKDDistiller', teacher=teacher, objectives=objectives)


def logged(runner, name):
    values, counts = runner.message_hub.get_scalar(f'train/{name}').data
    return values / counts


@pytest.fixture(scope='module')
def stages(tmp_path_factory):
    """Checkpoint of stage 1, and the runner and checkpoint of stage 2."""
    folder = tmp_path_factory.mktemp('stages')
    fades = dict(type='Linear', start=1., end=0., by_epoch=True)
    first = stage(
        dict(loss_logit=dict(type='OutputObjective', weight=fades)),
        dict(config=tiny.pose_model(size=(32, 32), base_channels=8), allow_random_weights=True))
    common = dict(epochs=2, samples=24, optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-2)))
    tiny.run(tiny.runner_cfg(first, folder / '1', **common))
    checkpoint = str(folder / '1/epoch_2.pth')
    second = stage(dict(loss_logit=dict(type='OutputObjective')), dict(config=first, checkpoint=checkpoint))
    second['frozen'] = ['backbone']
    second['backbone']['init_cfg'] = dict(type='Pretrained', prefix='backbone.', checkpoint=checkpoint)
    second['head']['loss']['loss_weight'] = 0.
    runner = tiny.run(tiny.runner_cfg(second, folder / '2', **common))
    return load_checkpoint(checkpoint), runner, load_checkpoint(str(folder / '2/epoch_2.pth'))


def test_stage_2_trains_the_head_alone(stages):
    first, _, second = stages
    same = {k: torch.equal(x, second['state_dict'][k]) for k, x in first['state_dict'].items()}
    assert all(same[k] for k in same if k.startswith('backbone.'))
    assert not any(same[k] for k in same if k.startswith('head.'))


def test_stage_2_begins_with_a_new_head_and_draws_it_to_the_old_one(stages):
    distances = logged(stages[1], 'loss_logit')
    assert distances[0] > 1e-3
    assert distances[-2:].mean() < 0.5 * distances[:2].mean()


def test_stage_2_uses_no_labels(stages):
    assert (logged(stages[1], 'loss_kpt') == 0).all()
