import pytest
import tiny
import torch
from mmengine.config import Config

from mmpose_kd.checkpoint import load_checkpoint
from mmpose_kd.deploy import take_student
from mmpose_kd.errors import ConfigError

HOOK = dict(first_stage=dict(type='FirstStageHook'))


def stage_1(**kwargs):
    return tiny.pose_model(size=(32, 32), **kwargs)


def stage_2():
    model = stage_1()
    head = dict(
        type='IGPGCNHead', base=model['head'], in_channels=(32, 16), image_channels=(4, 4), hidden_channels=8,
        skeleton=dict(from_file='configs/_base_/datasets/coco.py'),
        loss=dict(type='ProgressivePoseLoss', step_weights=(0.5, 1.)))
    return dict(
        model, type='MultiKDDistiller', head=head, frozen=['backbone', 'head.base'],
        backbone=dict(model['backbone'], out_indices=(2, 3)),
        teacher=dict(config=stage_1(base_channels=8), allow_random_weights=True),
        objectives=dict(loss_pose=dict(
            type='PoseObjective', loss=dict(type='ProgressivePoseLoss', step_weights=(0.5, 1.)))))


def runner_cfg(work_dir, load_from, **kwargs):
    cfg = tiny.runner_cfg(dict(stage_2(), head=stage_1()['head']), work_dir, **kwargs)
    cfg.model = stage_2()
    cfg.load_from = str(load_from)
    cfg.default_hooks.update(HOOK)
    return cfg


@pytest.fixture(scope='module')
def first(tmp_path_factory):
    folder = tmp_path_factory.mktemp('stage_1')
    tiny.run(tiny.runner_cfg(stage_1(), folder, epochs=1))
    return folder / 'epoch_1.pth'


def test_stage_2_trains_the_refinement_of_the_first_stages_pose(first, tmp_path):
    before = load_checkpoint(str(first))['state_dict']
    before = {k.replace('head.', 'head.base.'): x for k, x in before.items()}
    tiny.run(runner_cfg(tmp_path, first))
    after = load_checkpoint(str(tmp_path / 'epoch_2.pth'))['state_dict']
    assert set(before) < set(after) and all(torch.equal(x, after[k]) for k, x in before.items())
    assert all(after[f'head.corrections.{step}.own.weight'].abs().sum() > 0 for step in (0, 1))


def test_stage_2_resumes_from_its_own_checkpoint(first, tmp_path):
    tiny.run(runner_cfg(tmp_path / 'whole', first))
    tiny.run(runner_cfg(tmp_path / 'parts', tmp_path / 'whole' / 'epoch_1.pth', resume=True))
    whole, parts = (load_checkpoint(str(tmp_path / run / 'epoch_2.pth'))['state_dict'] for run in ('whole', 'parts'))
    assert all(torch.equal(x, parts[k]) for k, x in whole.items())


@pytest.mark.parametrize('change, message', [
    (lambda state: state.pop('backbone.conv1.weight'), 'config of backbone: 1 missing keys, first: conv1.w'),
    (lambda state: state.pop('head.mlp_head_x.bias'), 'config of head: 1 missing keys, first: mlp_head_x.b'),
    (lambda state: state.update({'head.other': torch.zeros(1)}), 'config of head: .* unexpected keys, first: o'),
], ids=['backbone', 'head', 'unexpected'])
def test_a_checkpoint_of_something_else_stops_the_run(first, tmp_path, change, message):
    state = load_checkpoint(str(first))['state_dict']
    change(state)
    torch.save(dict(state_dict=state), tmp_path / 'other.pth')
    with pytest.raises(ConfigError, match=f'(?s){message}'):
        tiny.run(runner_cfg(tmp_path / 'run', tmp_path / 'other.pth'))


def test_stage_2_without_a_checkpoint_of_stage_1_stops_before_the_first_step(first, tmp_path):
    cfg = runner_cfg(tmp_path, first)
    cfg.load_from = None
    with pytest.raises(ConfigError, match='no checkpoint of stage 1 was loaded.*Set load_from'):
        tiny.run(cfg)
    assert not list(tmp_path.glob('*.pth'))


def test_a_head_that_wraps_none_is_named(first, tmp_path):
    cfg = tiny.runner_cfg(stage_1(), tmp_path, load_from=str(first))
    cfg.default_hooks.update(HOOK)
    with pytest.raises(ConfigError, match='SimCCHead has no "base"'):
        tiny.run(cfg)


def test_export_keeps_the_refinement_and_what_it_needs(first, tmp_path):
    cfg = runner_cfg(tmp_path, first, epochs=1, custom_imports=dict(imports=['mmpose_kd']))
    cfg.dump(str(tmp_path / 'stage_2.py'))
    tiny.run(cfg)
    plain, _, weights = take_student(Config.fromfile(str(tmp_path / 'stage_2.py')), str(tmp_path / 'epoch_1.pth'))
    assert (plain.model.type, plain.model.head.type) == ('TopdownPoseEstimator', 'IGPGCNHead')
    assert plain.custom_imports.imports == ['mmpose_kd'] and 'first_stage' not in plain.default_hooks
    tiny.build(plain.model).load_state_dict(weights, strict=True)
