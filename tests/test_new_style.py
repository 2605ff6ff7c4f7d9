"""MMEngine's newer configs, whose types are classes."""
import json

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmpose.registry import MODELS

from mmpose_kd.cache import build_caches
from mmpose_kd.deploy import Limits, export_folder
from mmpose_kd.engine.hooks import WholeCheckpointHook
from mmpose_kd.errors import ConfigError

CONFIG = '''
from mmengine.dataset import DefaultSampler
from mmengine.hooks import CheckpointHook, IterTimerHook, LoggerHook
from mmpose.codecs import MSRAHeatmap
from mmpose.datasets.transforms import GenerateTarget, GetBBoxCenterScale, LoadImage, PackPoseInputs, TopdownAffine
from mmpose.evaluation import PCKAccuracy
from mmpose.models import HeatmapHead, KeypointMSELoss, PoseDataPreprocessor, ResNet, TopdownPoseEstimator
from torch.optim import SGD

from mmpose_kd.datasets import SyntheticPoseDataset
from mmpose_kd.models.distillers import MultiKDDistiller
from mmpose_kd.models.losses import HeatmapKDLoss
from mmpose_kd.models.objectives import OutputObjective

default_scope = 'mmpose'
custom_imports = dict(imports=['mmpose_kd'])
codec = dict(type=MSRAHeatmap, input_size=(64, 64), heatmap_size=(16, 16), sigma=2.0)
student = dict(
    type=TopdownPoseEstimator,
    data_preprocessor=dict(type=PoseDataPreprocessor, mean=[120.0] * 3, std=[60.0] * 3, bgr_to_rgb=True),
    backbone=dict(type=ResNet, depth=18, stem_channels=4, base_channels=4),
    head=dict(
        type=HeatmapHead, in_channels=32, out_channels=17, deconv_out_channels=(8, 8, 8), decoder=codec,
        loss=dict(type=KeypointMSELoss, use_target_weight=True)),
    test_cfg=dict(flip_test=False))
model = dict(
    student,
    type=MultiKDDistiller,
    teacher=dict(config=dict(student), allow_random_weights=True, report_metric=False),
    objectives=dict(loss_kd=dict(type=OutputObjective, loss=dict(type=HeatmapKDLoss))))
crop = [dict(type=LoadImage), dict(type=GetBBoxCenterScale), dict(type=TopdownAffine, input_size=(64, 64))]
train_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=True),
    dataset=dict(
        type=SyntheticPoseDataset, num_samples=8,
        pipeline=[*crop, dict(type=GenerateTarget, encoder=codec), dict(type=PackPoseInputs)]))
val_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(
        type=SyntheticPoseDataset, num_samples=8, test_mode=True, pipeline=[*crop, dict(type=PackPoseInputs)]))
val_evaluator = dict(type=PCKAccuracy, thr=0.2)
train_cfg, val_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1), dict()
optim_wrapper = dict(optimizer=dict(type=SGD, lr=0.01))
default_hooks = dict(
    timer=dict(type=IterTimerHook), logger=dict(type=LoggerHook), checkpoint=dict(type=CheckpointHook, interval=1))
'''


@pytest.fixture
def config(tmp_path):
    """A function that writes the config with a change of its text; returns the file."""
    def write(old='', new=''):
        file = tmp_path / 'new_style.py'
        file.write_text(CONFIG.replace(old, new) if old else CONFIG)
        return str(file)

    return write


def run(file, folder):
    cfg = Config.fromfile(file)
    cfg.work_dir, cfg.experiment_name = str(folder), folder.name
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test_it_trains_and_is_exported(config, tmp_path):
    runner = run(config(), tmp_path / 'run')
    hook = next(hook for hook in runner.hooks if isinstance(hook, CheckpointHook))
    assert (runner.iter, type(hook)) == (2, WholeCheckpointHook)
    export_folder(config(), str(tmp_path / 'run' / 'epoch_1.pth'), str(tmp_path / 'out'), onnx='none', num_images=2,
                  limits=Limits(drop=1.), report=str)
    assert json.loads((tmp_path / 'out' / 'deploy.json').read_text())['decoding']['type'] == 'MSRAHeatmap'


def test_the_config_that_a_training_saves_has_the_same_cache(config, tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True))  # saves seconds

    def cached(file):
        cfg = Config.fromfile(file)
        cfg.model.teacher.cache = str(tmp_path / 'cache')
        cfg.train_dataloader.dataset = dict(type='ViewDataset', num_views=2, dataset=cfg.train_dataloader.dataset)
        return cfg

    weights = str(tmp_path / 'teacher.pth')
    torch.save(MODELS.build(Config.fromfile(config()).student).state_dict(), weights)
    file = config('allow_random_weights=True', f'checkpoint={weights!r}')
    cached(file).dump(str(tmp_path / 'saved.py'))
    cfg = cached(file)
    build_caches(str(tmp_path / 'saved.py'))
    cfg.work_dir, cfg.experiment_name = str(tmp_path / 'run'), 'cached'
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 2


@pytest.mark.parametrize('old, new, message', [
    ('depth=18', 'depth=19', r'backbone: ResNet cannot be built from depth=19.*invalid depth 19'),
    ('depth=18', 'dept=18', r'backbone: ResNet has no argument "dept". Did you mean .depth.'),
    ('num_samples=8', 'num_sample=8', r'dataset: SyntheticPoseDataset has no argument "num_sample"'),
], ids=['value', 'argument', 'dataset'])
def test_an_error_names_its_place(config, tmp_path, old, new, message):
    with pytest.raises(ConfigError, match=message):
        run(config(old, new), tmp_path / 'run')
