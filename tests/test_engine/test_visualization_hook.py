import copy
import json
import random
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample
from steps import one_step

from mmpose_kd.checkpoint import load_checkpoint
from mmpose_kd.engine.hooks import DistillVisualizationHook, visualization
from mmpose_kd.engine.undisturbed import undisturbed
from mmpose_kd.errors import ConfigError
from mmpose_kd.visualization.records import distributions, label_pose

CONFIGS = Path(__file__).parents[2] / 'configs'
CROSS_STAGE = dict(
    type='CrossStageObjective',
    student_taps=['backbone.layer2', 'backbone.layer3'],
    teacher_taps=['backbone.layer2', 'backbone.layer3'],
    student_channels=[8, 16],
    teacher_channels=[16, 32],
    student_strides=[8, 16],
    teacher_strides=[8, 16],
    allocation=dict(type='WeightAllocation', batch_size=4),
    weight=dict(type='Linear', start=1., end=0.))
TEACHER = dict(config=tiny.pose_model(8), allow_random_weights=True)
MULTI_KD = dict(
    tiny.pose_model(),
    type='MultiKDDistiller',
    teacher=TEACHER,
    objectives=dict(loss_fkd=CROSS_STAGE, loss_vkd=dict(type='OutputObjective')))


@HOOKS.register_module()
class Spoil(Hook):
    """Makes every drawing impossible."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        data_batch.pop('data_samples')


def train(model, work_dir, interval=3, backends=('LocalVisBackend', ), **changes):
    changes = {'custom_hooks': [dict(type='DistillVisualizationHook', interval=interval, num_samples=3, size=48)],
               'visualizer': dict(type='PoseLocalVisualizer', vis_backends=[dict(type=name) for name in backends],
                                  name=str(work_dir)), **changes}
    return tiny.run(tiny.runner_cfg(copy.deepcopy(model), work_dir), **changes)


def pictures(work_dir):
    return {path.stem: cv2.imread(str(path)) for path in Path(work_dir).rglob('vis_image/*.png')}


@pytest.fixture(scope='module')
def multi_kd(tmp_path_factory):
    folder = tmp_path_factory.mktemp('multi_kd')
    train(MULTI_KD, folder, backends=['LocalVisBackend', 'TensorboardVisBackend'])  # 4 steps, drawn at the third
    return folder


def test_losses_weights_and_teacher_metric_reach_a_local_file(multi_kd):
    lines = [json.loads(line) for line in next(multi_kd.rglob('scalars.json')).read_text().splitlines()]
    steps = [line for line in lines if 'loss_kpt' in line]
    assert len(steps) == 4
    for line in steps:
        assert {'loss', 'loss_kpt', 'loss_fkd', 'loss_vkd', 'weight_fkd', 'weight_vkd'} <= line.keys()
    assert [line['weight_fkd'] for line in steps] == pytest.approx([1, 0.75, 0.5, 0.25])
    assert [line for line in lines if 'teacher/PCK' in line]
    assert [line for line in lines if 'PCK' in line]


def test_losses_weights_teacher_metric_and_pictures_reach_tensorboard(multi_kd):
    accumulator = pytest.importorskip('tensorboard.backend.event_processing.event_accumulator')
    events = accumulator.EventAccumulator(str(next(multi_kd.rglob('events.out.tfevents.*')).parent)).Reload()
    scalars, images = set(events.Tags()['scalars']), set(events.Tags()['images'])
    assert {'loss_fkd', 'loss_vkd', 'weight_fkd', 'weight_vkd', 'teacher/PCK'} <= scalars
    assert [round(e.value, 6) for e in events.Scalars('weight_fkd')] == [1, 0.75, 0.5, 0.25]
    assert 'distill_poses' in images


def test_every_picture_is_drawn_at_the_interval_and_at_no_other_step(multi_kd):
    assert sorted(pictures(multi_kd)) == [
        'distill_allocation_loss_fkd_3', 'distill_distributions_3', 'distill_poses_3', 'distill_similarity_3']


def test_poses_have_a_row_each_for_labels_student_and_teacher(multi_kd):
    assert pictures(multi_kd)['distill_poses_3'].shape == (3 * (22 + 48), 3 * 48, 3)


@pytest.mark.parametrize('head', ['simcc', 'dropout'])
def test_training_is_bit_identical_with_and_without(head, tmp_path):
    model = copy.deepcopy(MULTI_KD)
    if head == 'dropout':
        model.update(head=dict(tiny.pose_model(head='heatmap')['head'], type='ChannelDropoutHead'),
                     teacher=dict(config=tiny.pose_model(8, head='heatmap'), allow_random_weights=True))
        model['objectives']['loss_vkd']['loss'] = dict(type='HeatmapKDLoss')
    runs = []
    for name, hooks in (('with', [dict(type='DistillVisualizationHook', interval=2)]), ('without', [])):
        torch.manual_seed(0)  # of the teacher's weights
        runner = train(model, tmp_path / name, custom_hooks=hooks)
        runs.append({key: load_checkpoint(str(tmp_path / name / 'epoch_2.pth'))[key]
                     for key in ('state_dict', 'distillation', 'optimizer')})
        runs[-1]['next'] = random.random(), np.random.rand(), torch.rand(1), runner.model.training
    assert pictures(tmp_path / 'with') and not pictures(tmp_path / 'without')
    assert equal(*runs)


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def test_undisturbed_restores_each_modules_mode_and_every_random_state():
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.Dropout()).train()
    model[0].eval()  # as a backbone with norm_eval=True has it

    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    expected = draw()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    with undisturbed(model):
        draw()
        assert not model[1].training
        assert not model(torch.ones(1, 3, 2, 2)).requires_grad
    assert draw() == expected
    assert [module.training for module in model] == [False, True]


def test_allocation_goes_on_after_a_resume(tmp_path):
    model = copy.deepcopy(MULTI_KD)
    train(model, tmp_path, interval=2, **{'train_cfg.max_epochs': 1})
    runner = train(model, tmp_path, interval=2, resume=True)
    history = runner.message_hub.get_info('distill_allocation')['loss_fkd']
    assert [row[0] for row in history] == [2, 4]
    for row in history:
        assert sum(row[1:]) == pytest.approx(1)  # the weights of a person's pairs sum to 1, so do their means


@pytest.mark.parametrize('name', ['lspd/lspd_resnet18-w8', 'okdhp/okdhp_resnet18-w8'])
def test_students_with_stages_or_branches_and_no_teacher(name, tmp_path):
    cfg = Config.fromfile(str(CONFIGS / f'{name}_synthetic-64x64.py'))
    cfg.custom_hooks = [dict(type='DistillVisualizationHook', interval=1, size=48)]
    cfg.visualizer = dict(type='PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name=str(tmp_path))
    one_step(cfg, tmp_path)
    found = pictures(tmp_path)
    assert found['distill_poses_1'].shape[0] == 2 * (22 + 48)  # labels and student
    outputs = 3 if 'lspd' in name else 4  # stages; branches and their ensemble
    assert found['distill_heatmaps_1'].shape[0] == pytest.approx(100 * (1.8 * outputs + 0.4), abs=1)


def test_similarity_of_fewer_than_four_images_is_left_out(tmp_path):
    train(MULTI_KD, tmp_path, **{'train_dataloader.batch_size': 2})
    assert 'distill_poses_3' in pictures(tmp_path)
    assert 'distill_similarity_3' not in pictures(tmp_path)


def test_several_teachers_have_rows_of_their_own(tmp_path):
    model = copy.deepcopy(MULTI_KD)
    model.update(teacher=dict(wide=TEACHER, narrow=dict(config=tiny.pose_model(), allow_random_weights=True)),
                 objectives={f'loss_{name}': dict(type='OutputObjective', teacher=name) for name in ('wide', 'narrow')})
    train(model, tmp_path)
    found = pictures(tmp_path)
    assert found['distill_poses_3'].shape[0] == 4 * (22 + 48)
    assert 'distill_distributions_3' in found


def test_distributions_are_those_that_rtmpose_is_trained_for(tmp_path, monkeypatch):
    model, given = copy.deepcopy(MULTI_KD), {}
    for part in (model, model['teacher']['config']):
        part['head'] = dict(part['head'], loss=dict(type='KLDiscretLoss', beta=10.))
    model['objectives'] = dict(loss_kd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss', temperature=0.1)))
    monkeypatch.setattr(visualization, 'distributions',
                        lambda outputs, joints, title, beta=1.: given.update({title: beta}) or {})
    train(model, tmp_path, interval=1, **{'train_cfg.max_epochs': 1, 'train_dataloader.batch_size': 8})
    assert given == dict(student=10., teacher=10.)


def test_distributions_are_those_of_so_many_times_the_logits():
    axis = torch.tensor([[[0., 0.1, 0.]]])
    x, _ = distributions((axis, axis), 1, 'student', beta=10.)['student']
    torch.testing.assert_close(x, torch.tensor([[[0.2119, 0.5761, 0.2119]]]), rtol=0, atol=1e-4)  # e / (e + 2)


def test_student_without_distillation_shows_its_poses(tmp_path):
    train(tiny.pose_model(), tmp_path)
    assert list(pictures(tmp_path)) == ['distill_poses_3']
    assert pictures(tmp_path)['distill_poses_3'].shape[0] == 2 * (22 + 48)


def test_picture_that_fails_is_named_once_and_the_training_goes_on(tmp_path):
    hooks = [dict(type='Spoil', priority='VERY_HIGH'), dict(type='DistillVisualizationHook', interval=2)]
    runner = train(MULTI_KD, tmp_path, custom_hooks=hooks)
    assert runner.iter == 4
    log = next(Path(tmp_path).rglob('*.log')).read_text()
    assert log.count('leaves out poses') == 1
    assert 'leaves out poses from now on: TypeError' in log
    assert {name.rsplit('_', 1)[0] for name in pictures(tmp_path)} == {'distill_allocation_loss_fkd',
                                                                       'distill_similarity'}


def test_without_backends_it_says_so(tmp_path):
    train(MULTI_KD, tmp_path, backends=[])
    assert 'draws nothing: the visualizer has no vis_backends' in next(Path(tmp_path).rglob('*.log')).read_text()


def test_unknown_joint_stops_before_the_first_step_with_a_hint(tmp_path):
    hook = dict(type='DistillVisualizationHook', joints=['left_wrsit'])
    with pytest.raises(ConfigError, match="Did you mean 'left_wrist'"):
        train(MULTI_KD, tmp_path, custom_hooks=[hook])


@pytest.mark.parametrize('arguments', [dict(interval=0), dict(num_samples='6'), dict(size=1.5), dict(joints='nose'),
                                       dict(joints=[])])
def test_argument_of_the_wrong_kind_is_refused(arguments):
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        DistillVisualizationHook(**arguments)


def test_labels_that_are_heatmaps_of_udp_are_drawn_in_pixels_of_the_input():
    cfg = tiny.pose_model(keypoints=3, head='heatmap')
    cfg['head'].update(decoder=dict(type='UDPHeatmap', input_size=(64, 64), heatmap_size=(16, 16)))
    head, pose = tiny.build(cfg).head, np.array([[[21., 42.], [42., 21.], [33.6, 29.4]]], np.float32)  # whole cells
    maps = torch.from_numpy(head.decoder.encode(pose)['heatmaps'])
    sample = PoseDataSample(gt_fields=PixelData(heatmaps=maps), gt_instances=InstanceData(),
                            gt_instance_labels=InstanceData())
    np.testing.assert_allclose(label_pose(head, [sample]), pose, atol=0.05)
