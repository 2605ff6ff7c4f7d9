import re

import pytest
import tiny
import torch
from mmcv.transforms import BaseTransform
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS, TRANSFORMS
from torch import nn

from mmpose_kd.engine.explain import explain
from mmpose_kd.errors import ConfigError

HANDS = dict(_delete_=True, type='InterHand2DDoubleDataset', ann_file='absent.json', pipeline=[],
             metainfo=dict(from_file='configs/_base_/datasets/coco.py'))


def fails(tmp_path, **changes):
    """What a config that imports this package says, and the error behind it."""
    cfg = tiny.runner_cfg(tiny.pose_model(), tmp_path, epochs=1)
    cfg.custom_imports = dict(imports=['mmpose_kd'])
    cfg.experiment_name = tmp_path.name
    cfg.merge_from_dict(changes)
    with pytest.raises(ConfigError) as caught:
        Runner.from_cfg(cfg).train()
    return str(caught.value), caught.value.__cause__


@pytest.mark.parametrize('changes, message', [
    ({'train_cfg.max_epochs': 0}, r'train_cfg\.max_epochs=0: expected a whole number of at least 1'),
    ({'train_cfg.val_interval': True}, r'train_cfg\.val_interval=True: expected a whole number'),
    ({'model.head.loss.loss_weight': -1.}, r'model\.head\.loss\.loss_weight=-1\.0: a negative loss'),
    ({'model.head.out_channels': 16}, r'model\.head\.out_channels=16, but the training set has 17 keypoints'),
    ({'model.head.decoder.input_size': (96, 96)}, r'=\(64, 64\) and model\.head\.decoder\.input_size=\(96, 96\) '),
    ({'model.head.decoder': None}, r'model\.head\.decoder is not given'),
    ({'model.test_cfg': dict(flip_tset=True, _delete_=True)}, r"flip_tset: nothing reads.*Did you mean 'flip_test'"),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else '')
def test_what_would_train_silently_is_refused_before_anything_is_built(tmp_path, changes, message):
    text, cause = fails(tmp_path, **changes)
    assert re.search(message, text), text
    assert cause is None


def test_a_distilled_config_is_checked_whatever_its_own_imports_are(tmp_path):
    teacher = dict(config=tiny.pose_model(8), allow_random_weights=True)
    objectives = dict(loss_kd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss')))
    model = dict(tiny.pose_model(), type='MultiKDDistiller', teacher=teacher, objectives=objectives)
    cfg = tiny.runner_cfg(model, tmp_path, custom_imports=dict(imports=['mmpose']))  # in place of its base's
    cfg.model.test_cfg = dict(flip_tset=True)
    with pytest.raises(ConfigError, match="Did you mean 'flip_test'"):
        Runner.from_cfg(cfg)


@pytest.mark.parametrize('changes, error, message', [
    ({'model.backbone.depth': 19}, KeyError,
     r'model\.backbone: ResNet cannot be built from depth=19.*: invalid depth 19'),
    ({'model.backbone.dept': 18}, TypeError,
     r'model\.backbone: ResNet has no argument "dept"\. Did you mean \'depth\''),
    ({'model.head.in_channels': 9}, RuntimeError,
     r'model\.head\.in_channels=9 given, but the features have 32 channels'),
    ({'param_scheduler.begin': 9}, ValueError,
     r'param_scheduler: LinearLR cannot be built from .*begin=9, end=3'),
    ({'train_dataloader.dataset': HANDS}, AssertionError,  # who does not name the file
     r"train_dataloader\.dataset: InterHand2DDoubleDataset cannot be built from .*ann_file='absent\.json'.*Annotation"),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else '')
def test_an_error_from_inside_names_its_place_and_keeps_its_cause(tmp_path, changes, error, message):
    text, cause = fails(tmp_path, **changes)
    assert re.search(message, text), text
    assert isinstance(cause, error)


class FailingHook(Hook):

    def before_train_iter(self, runner, *args, **kwargs):
        raise ValueError('it is broken')


class FailingTransform(BaseTransform):

    def transform(self, results):
        raise ValueError('it is broken')


@pytest.mark.parametrize('scope', ['', 'mmpose.'])
def test_a_hook_and_a_transform_are_named_with_and_without_a_scope(tmp_path, monkeypatch, scope):
    for registry, cls in ((HOOKS, FailingHook), (TRANSFORMS, FailingTransform)):
        monkeypatch.setitem(registry.module_dict, cls.__name__, cls)
    text, _ = fails(tmp_path / 'hook', custom_hooks=[dict(type=f'{scope}FailingHook')])
    assert text.startswith('custom_hooks[0]: FailingHook fails, ') and text.endswith('it is broken')
    pipeline = tiny.runner_cfg(tiny.pose_model(), tmp_path).train_dataloader.dataset.pipeline
    place = 'train_dataloader.dataset.pipeline'
    text, _ = fails(tmp_path / 'transform', **{place: [dict(type=f'{scope}FailingTransform'), *pipeline]})
    assert text.startswith(f'{place}[0]: FailingTransform, built from ') and text.endswith('it is broken')


class Unfinished(nn.Module):
    """As FSDP's wrapper, which asks what it wraps for all that it has not itself, before it has it."""

    def __init__(self):
        super().__init__()
        raise RuntimeError('there is no accelerator')

    def __getattr__(self, name):
        return getattr(self.wrapped, name)


def test_an_error_in_a_wrapper_that_is_not_built_yet_is_its_own():
    with pytest.raises(RuntimeError) as caught:
        Unfinished()
    assert explain(caught.value, tiny.runner_cfg(tiny.pose_model(), 'unused')) is None


def test_a_config_that_does_not_import_this_package_is_left_alone(tmp_path):
    cfg = tiny.runner_cfg(tiny.pose_model(), tmp_path, epochs=1)
    cfg.experiment_name = tmp_path.name
    cfg.model.backbone.depth = 19
    with pytest.raises(KeyError, match='invalid depth 19'):
        Runner.from_cfg(cfg)


def test_a_checkpoint_with_code_is_named_before_a_test(tmp_path):
    cfg = tiny.runner_cfg(tiny.pose_model(), tmp_path, custom_imports=dict(imports=['mmpose_kd']))
    torch.save(dict(state_dict=dict(a=torch.ones(1)), code=re.compile), tmp_path / 'bad.pth')
    cfg.update(load_from=str(tmp_path / 'bad.pth'), test_dataloader=cfg.val_dataloader, test_cfg=dict(),
               test_evaluator=cfg.val_evaluator, experiment_name=tmp_path.name)
    runner = Runner.from_cfg(cfg)
    with pytest.raises(ConfigError, match='bad.pth" contains code: it asks for "re.compile"'):
        runner.test()
