import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import torch
from mmengine.config import Config
from mmpose.apis import init_model
from mmpose.registry import MODELS

from mmpose_kd.deploy import deployed_config, take_student
from mmpose_kd.deploy.student import write_student
from mmpose_kd.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def distilled(head='heatmap', **changes):
    """A distilled tiny student with a heatmap head whose channels are dropped in training."""
    model = tiny.pose_model(head=head)
    return dict(
        model,
        type='MultiKDDistiller',
        head=dict(model['head'], type='ChannelDropoutHead', drop_ratio=0.5),
        teacher=dict(config=tiny.pose_model(8, head=head), allow_random_weights=True),
        objectives=dict(loss_okd=dict(
            type='OutputObjective', student_output='head.dropped', loss=dict(type='HeatmapKDLoss'))),
        **changes)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Config file and checkpoint of a run of two steps."""
    folder = tmp_path_factory.mktemp('trained')
    cfg = tiny.runner_cfg(distilled(), folder, epochs=1, custom_imports=dict(imports=['mmpose_kd']))
    cfg.dump(str(folder / 'kd.py'))
    tiny.run(cfg)
    return folder / 'kd.py', folder / 'epoch_1.pth'


def test_what_is_deployed_is_the_plain_student_alone(trained):
    cfg, _, weights = take_student(Config.fromfile(str(trained[0])), str(trained[1]))
    assert cfg.model.type == 'TopdownPoseEstimator' and cfg.model.head.type == 'HeatmapHead'
    assert not {'teacher', 'objectives', 'frozen'} & set(cfg.model)
    assert set(weights) == set(MODELS.build(cfg.model).state_dict())


def test_it_computes_what_the_trained_one_computes(trained):
    cfg, _, weights = take_student(Config.fromfile(str(trained[0])), str(trained[1]))
    student = tiny.build(cfg.model).eval()
    student.load_state_dict(weights, strict=True)
    model = tiny.build(distilled()).eval()
    model.load_state_dict(torch.load(trained[1], weights_only=False)['state_dict'], strict=True)
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(student(images, None, mode='tensor'), model(images, None, mode='tensor'))


def test_package_is_imported_only_where_a_part_of_it_is_left():
    stock = dict(type='CocoDataset', pipeline=[dict(type='LoadImage')])
    ours = dict(type='SyntheticPoseDataset', pipeline=[])
    for dataset, expected in ((stock, None), (ours, dict(imports=['mmpose_kd']))):
        cfg = Config(dict(model=distilled(), train_dataloader=dict(dataset=dataset),
                          custom_imports=dict(imports=['mmpose_kd'])))
        assert deployed_config(cfg).get('custom_imports') == expected


def test_other_imports_are_kept():
    cfg = Config(dict(model=distilled(), custom_imports=dict(imports=['my_package', 'mmpose_kd'])))
    assert deployed_config(cfg).custom_imports.imports == ['my_package']


def test_our_hooks_and_initial_weights_are_dropped():
    model = distilled()
    model['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint='torchvision://resnet18')
    cfg = Config(dict(model=model, load_from='start.pth', resume=True, default_hooks=dict(
        timer=dict(type='IterTimerHook'), distillation=dict(type='DistillCheckpointHook')),
        custom_hooks=[dict(type='TeacherMetricHook'), dict(type='EMAHook')]))
    plain = deployed_config(cfg)
    assert list(plain.default_hooks) == ['timer']
    assert [hook.type for hook in plain.custom_hooks] == ['EMAHook']
    assert plain.load_from is None and plain.resume is False and 'init_cfg' not in plain.model.backbone


def test_exported_config_does_not_name_the_folder_of_the_training():
    assert 'work_dir' not in deployed_config(Config(dict(model=distilled(), work_dir='work_dirs/distilled')))


def test_exported_config_logs_to_no_service():
    backends = [dict(type='LocalVisBackend'), dict(type='WandbVisBackend', init_kwargs=dict(project='ours'))]
    cfg = Config(dict(model=distilled(), visualizer=dict(type='PoseLocalVisualizer', vis_backends=backends)))
    assert deployed_config(cfg).visualizer.vis_backends == [dict(type='LocalVisBackend')]
    assert len(cfg.visualizer.vis_backends) == 2


def test_labels_that_were_switched_off_count_again():
    model = distilled()
    model['head']['loss']['loss_weight'] = 0.
    plain = deployed_config(Config(dict(model=model)))
    assert plain.model.head.loss == dict(type='KeypointMSELoss', use_target_weight=True)


def test_plain_config_stays_as_it_is():
    cfg = Config(dict(model=tiny.pose_model(), load_from=None, resume=False))
    assert deployed_config(cfg).to_dict() == cfg.to_dict()


@pytest.mark.parametrize('wrap', [lambda people: dict(type='RepeatDataset', times=2, dataset=people),
                                  lambda people: dict(type='ConcatDataset', datasets=[people, people])])
def test_mmpose_knows_the_joints_of_a_set_within_another(wrap, tmp_path):
    people = dict(type='MpiiDataset', ann_file='annotations/mpii_train.json')
    model = tiny.pose_model(keypoints=16)
    plain = Config(dict(model=model, train_dataloader=dict(dataset=wrap(people))))
    write_student(plain, tiny.build(model).state_dict(), tmp_path / 'config.py', tmp_path / 'checkpoint.pth')
    torch.load(tmp_path / 'checkpoint.pth', weights_only=True)  # as MMPose does with newer versions of PyTorch
    student = init_model(str(tmp_path / 'config.py'), str(tmp_path / 'checkpoint.pth'), device='cpu')
    assert student.dataset_meta['keypoint_id2name'][15] == 'left_wrist'


def test_checkpoint_of_another_config_is_refused(trained, tmp_path):
    torch.save(tiny.build(tiny.pose_model()).state_dict(), tmp_path / 'other.pth')
    with pytest.raises(ConfigError, match='does not fit the config.*missing keys'):
        take_student(Config.fromfile(str(trained[0])), str(tmp_path / 'other.pth'))


def test_part_that_changes_the_output_is_refused(trained, monkeypatch):
    head = MODELS.get('ChannelDropoutHead')
    stock = head.deployed
    monkeypatch.setattr(head, 'deployed', staticmethod(lambda cfg: {**stock(cfg), 'type': 'SignHead'}))

    @MODELS.register_module(force=True)
    class SignHead(MODELS.get('HeatmapHead')):

        def forward(self, feats):
            return -super().forward(feats)

    with pytest.raises(ConfigError, match='does not compute what the trained one computes'):
        take_student(Config.fromfile(str(trained[0])), str(trained[1]))


def test_tool_exits_with_a_message(trained, tmp_path):
    command = [sys.executable, str(ROOT / 'tools' / 'export.py'), str(trained[0]), str(tmp_path / 'gone.pth'), '--out',
               str(tmp_path / 'out')]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1 and 'gone.pth" does not exist' in result.stderr and 'Traceback' not in result.stderr


def test_hooks_and_visualizer_may_be_none():
    cfg = deployed_config(Config(dict(model=distilled(), default_hooks=None, visualizer=None)))
    assert cfg.default_hooks is None and cfg.visualizer is None
