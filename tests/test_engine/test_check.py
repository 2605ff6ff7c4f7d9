import copy
import inspect
import re
from contextlib import nullcontext
from pathlib import Path

import mmpose
import pytest
import tiny
from mmengine.config import Config
from mmengine.optim import DefaultOptimWrapperConstructor
from mmpose.datasets.transforms import TopdownAffine
from mmpose.models.utils import tta

from mmpose_kd.engine.check import _FLIP_MODES, _PARAMWISE_KEYS, check_config
from mmpose_kd.errors import ConfigError
from mmpose_kd.parts import kind_of

ROOT = Path(__file__).parents[2]
STOCK = sorted((Path(mmpose.__file__).parent / '.mim' / 'configs').rglob('*_2d_keypoint/*/*/*.py'))


@pytest.mark.parametrize('path', STOCK[::8], ids=lambda path: path.stem)
def test_mmposes_own_configs_are_not_refused(path):
    check_config(Config.fromfile(path))


@pytest.mark.parametrize('kind, name', [
    ('TopdownAffine', 'TopdownAffine'), ('mmpose.TopdownAffine', 'TopdownAffine'), (TopdownAffine, 'TopdownAffine')])
def test_a_type_is_known_with_a_scope_and_as_a_class(kind, name):
    assert kind_of(dict(type=kind)) == name
    assert kind_of(dict()) == ''


def test_a_loop_with_a_scope_counts_iterations_too():
    model = dict(tiny.pose_model(), type='MultiKDDistiller', objectives=dict(loss_kd=dict(
        type='OutputObjective', weight=dict(type='Stop', value=1., at=1, by_epoch=True))))
    cfg = tiny.runner_cfg(model, 'unused')
    check_config(cfg)
    cfg.train_cfg = dict(type='mmengine.IterBasedTrainLoop', max_iters=2)
    with pytest.raises(ConfigError, match='loss_kd.weight: by_epoch=True, but this training counts iterations'):
        check_config(cfg)


def test_epochs_that_become_iterations_are_trained_by_iterations():
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg.merge_from_dict(dict(train_cfg=dict(_delete_=True, by_epoch=False, max_iters=100, val_interval=10),
                             log_processor=dict(by_epoch=False)))
    cfg.default_hooks.update(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=10),
                             logger=dict(type='LoggerHook', log_metric_by_epoch=False))
    cfg.param_scheduler = dict(type='CosineAnnealingLR', by_epoch=True, end=4, convert_to_iter_based=True)
    check_config(cfg)
    cfg.param_scheduler.pop('end')  # that of a training of one epoch, as which MMEngine takes it
    with pytest.raises(ConfigError, match='param_scheduler.by_epoch'):
        check_config(cfg)


@pytest.mark.parametrize('given, refused', [(1.0, True), ((3.0, 1.0), True), (3.0, False), ((3.0, 3.0), False)])
def test_the_width_of_simdr_labels_is_that_of_the_decoder(given, refused):
    cfg = Config.fromfile(str(ROOT / 'configs/students/resnet_simdr_synthetic-64x64.py'))
    assert cfg.model.head.decoder.sigma == 3.0
    next(step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'GenerateTarget').encoder.sigma = given
    with pytest.raises(ConfigError, match='encoder.sigma=.* and model.head.decoder.sigma=.* differ, so that the '
                       'labels would') if refused else nullcontext():
        check_config(cfg)


@pytest.mark.parametrize('place, changes', [
    ('default_hooks.checkpoint.by_epoch', {'default_hooks.checkpoint': dict(type='CheckpointHook', interval=10)}),
    (r'param_scheduler\[1\].by_epoch', {'param_scheduler': [
        dict(type='LinearLR', start_factor=0.1, by_epoch=False), dict(type='MultiStepLR', milestones=[1])]}),
    ('default_hooks.logger.log_metric_by_epoch', {'default_hooks.logger': dict(type='LoggerHook')}),
    ('log_processor.by_epoch', {'log_processor': dict(window_size=10)}),
])
def test_what_counts_epochs_in_a_training_by_iterations_is_named(place, changes):
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg.merge_from_dict(dict(train_cfg=dict(_delete_=True, by_epoch=False, max_iters=100, val_interval=10),
                             log_processor=dict(by_epoch=False)))
    cfg.default_hooks.update(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=10),
                             logger=dict(type='LoggerHook', log_metric_by_epoch=False))
    check_config(cfg)
    cfg.param_scheduler = None
    for key, value in changes.items():
        parts = key.split('.')
        (cfg[parts[0]] if len(parts) > 1 else cfg)[parts[-1]] = value
    with pytest.raises(ConfigError, match=f'^train_cfg counts iterations, but {place} is not False'):
        check_config(cfg)


def test_a_size_is_compared_with_that_of_a_transform_with_a_scope():
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    affine = next(step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'TopdownAffine')
    affine.update(type='mmpose.TopdownAffine', input_size=(96, 96))
    with pytest.raises(ConfigError, match=r'input_size=.*96.* and model.head.decoder.input_size=.* differ'):
        check_config(cfg)


@pytest.mark.parametrize('kind, part', [('VisPredictHead', 'pose_cfg'), ('IGPGCNHead', 'base')])
def test_a_size_is_compared_with_that_of_the_head_within_a_head(kind, part):
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg.model.head = {'type': kind, part: cfg.model.head}
    check_config(cfg)
    next(step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'TopdownAffine').input_size = (96, 96)
    with pytest.raises(ConfigError, match=rf'input_size=.*96.* and model.head.{part}.decoder.input_size=.* differ'):
        check_config(cfg)


@pytest.mark.parametrize('changes, message', [
    ({'train_dataloader.dataset.data_mode': 'bottomup'}, r"train_dataloader.dataset.data_mode='bottomup': .*top-down"),
    ({'model.head.decoder.type': 'VideoPoseLifting'}, 'model.head.decoder: VideoPoseLifting lifts 2D poses'),
])
def test_only_top_down_students_are_distilled(changes, message):
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg.merge_from_dict(changes)
    cfg.model.objectives = dict(loss_kd=dict(type='OutputObjective'))
    with pytest.raises(ConfigError, match=message):
        check_config(cfg)


@pytest.mark.parametrize('part, key, meant', [
    ('auto_scale_lr', 'enabled', 'enable'), ('env_cfg', 'cudnn_benchmarks', 'cudnn_benchmark')])
def test_a_misspelt_key_that_the_runner_would_pass_over_is_refused(part, key, meant):
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg[part] = {key: True}
    with pytest.raises(ConfigError, match=f'{part}.{key}: nothing reads this key, and "{meant}" is not given'):
        check_config(cfg)


def test_randomness_without_a_seed_is_refused():
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg.randomness = dict(deterministic=True)
    with pytest.raises(ConfigError, match=r"randomness={'deterministic': True}: no seed given"):
        check_config(cfg)


def test_a_stock_head_with_three_maps_for_each_joint_is_right():
    cfg = tiny.runner_cfg(tiny.pose_model(keypoints=51, head='heatmap'), 'unused')
    codec = dict(type='UDPHeatmap', input_size=(64, 64), heatmap_size=(16, 16), heatmap_type='combined', sigma=1.0)
    cfg.model.head.decoder = cfg.train_dataloader.dataset.pipeline[-2].encoder = codec
    check_config(cfg)
    cfg.model.head.out_channels = 17
    with pytest.raises(ConfigError, match='out_channels=17, but the training set has 51'):
        check_config(cfg)


def test_a_volume_of_cells_has_a_depth():
    cfg = tiny.runner_cfg(tiny.pose_model(head='heatmap'), 'unused')
    size = dict(heatmap_size=[16, 16, 16])
    cfg.model.head.decoder.update(size), cfg.train_dataloader.dataset.pipeline[-2].encoder.update(size)
    check_config(cfg)


def test_views_do_not_go_with_a_hook_that_changes_their_pipeline():
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg.custom_hooks = [dict(type='mmdet.PipelineSwitchHook', switch_epoch=1, switch_pipeline=[])]
    check_config(cfg)
    cfg.train_dataloader.dataset = dict(type='ViewDataset', num_views=2, dataset=cfg.train_dataloader.dataset)
    with pytest.raises(ConfigError, match=r'custom_hooks\[0\]: PipelineSwitchHook cannot change the pipeline'):
        check_config(cfg)


@pytest.mark.parametrize('change, message', [
    (dict(type='TopdownAffine', input_size=(96, 96)), 'input_size=.* would be of another image size'),
    (dict(type='TopdownAffin', input_size=(64, 64)), '"TopdownAffin" is not registered'),
    (dict(type='TopdownAffine', input_size=(64, 64), udp=True), 'has no argument "udp"')])
def test_pipeline_of_the_last_epochs_is_checked_before_the_first(change, message):
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    steps = copy.deepcopy(cfg.train_dataloader.dataset.pipeline)
    steps.append(dict(type='YOLOXHSVRandomAug', _scope_='mmdet'))
    cfg.custom_hooks = [dict(type='mmdet.PipelineSwitchHook', switch_epoch=1, switch_pipeline=steps)]
    check_config(cfg)
    steps[4] = change
    cfg.custom_hooks[0].switch_pipeline = steps
    with pytest.raises(ConfigError, match=rf'custom_hooks\[0\].switch_pipeline\[4\].*{message}'):
        check_config(cfg)


@pytest.mark.parametrize('wrapper, part', [('RepeatDataset', 'dataset'), ('ConcatDataset', 'datasets')])
def test_pipeline_of_a_set_that_has_none_is_not_changed(wrapper, part):
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    inner = cfg.train_dataloader.dataset
    cfg.custom_hooks = [dict(type='mmdet.PipelineSwitchHook', switch_epoch=1, switch_pipeline=inner.pipeline)]
    cfg.train_dataloader.dataset = {'type': wrapper, part: [inner] if part == 'datasets' else inner}
    with pytest.raises(ConfigError, match=rf'custom_hooks\[0\]: PipelineSwitchHook .* a {wrapper} has none'):
        check_config(cfg)


def test_images_are_not_changed_between_views_and_cached_answers():
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg.model.data_preprocessor.batch_augments = [dict(type='BatchSyncRandomResize')]
    cfg.model.teacher = dict(config='teacher.py')
    check_config(cfg)
    cfg.model.teacher.cache = 'cache'
    with pytest.raises(ConfigError, match='batch_augments changes the images after their views are made'):
        check_config(cfg)


@pytest.mark.parametrize('loss, enough', [('RKDLoss', 3), ('SimilarityLoss', 2)])
def test_relations_between_persons_need_enough_of_them(loss, enough):
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg.model.objectives = dict(loss_r=dict(type='FeatureObjective', loss=dict(type=loss)))
    cfg.train_dataloader.batch_size = enough
    check_config(cfg)
    cfg.train_dataloader.batch_size -= 1
    with pytest.raises(ConfigError, match=f'objectives.loss_r.loss is {loss}, which .* fewer than {enough}'):
        check_config(cfg)


def test_only_a_top_down_head_has_a_channel_for_each_keypoint():
    """MotionBERT's has one for each dimension of space; and a converter makes other keypoints of a set's."""
    cfg = tiny.runner_cfg(tiny.pose_model(keypoints=3), 'unused')
    with pytest.raises(ConfigError, match='out_channels=3, but the training set has 17'):
        check_config(cfg)
    lifter = copy.deepcopy(cfg)
    lifter.model.type = 'PoseLifter'
    check_config(lifter)
    cfg.train_dataloader.dataset.pipeline.insert(1, dict(type='SingleHandConverter'))
    check_config(cfg)


@pytest.mark.parametrize('changes', [
    {'train_cfg': dict(_delete_=True, by_epoch=False, max_iters=1e5, val_interval=100),
     'default_hooks.checkpoint.by_epoch': False, 'default_hooks.logger.log_metric_by_epoch': False,
     'log_processor': dict(by_epoch=False)},
    {'train_cfg': dict(_delete_=True, type='OwnLoop', steps=100)},
    {'train_cfg': dict(_delete_=True, by_epoch=False, max_iters=100, val_interval=50),
     'default_hooks.checkpoint.by_epoch': False, 'default_hooks.logger': None, 'log_processor': dict(by_epoch=False),
     'param_scheduler': [dict(type='ReduceOnPlateauLR', monitor='PCK', rule='greater')]},
    {'optim_wrapper.clip_grad': dict(max_norm=float('inf'))},
    {'model.head.decoder.type': 'mmpose.SimCCLabel'},
    {'model.head.decoder.sigma': None, 'train_dataloader.dataset.pipeline.5.encoder.sigma': None},
], ids=['a float that is whole', 'a loop of ones own', 'rates that follow the validation and no logger',
        'a norm that is only logged', 'a type with its scope', 'a sigma that the codec chooses'])
def test_what_mmengine_accepts_is_right(changes):
    cfg = tiny.runner_cfg(tiny.pose_model(), 'unused')
    cfg.merge_from_dict(changes)
    check_config(cfg)


def test_a_distiller_is_not_compiled_as_a_whole():
    model = dict(tiny.pose_model(), type='MultiKDDistiller', objectives=dict(loss_kd=dict(type='OutputObjective')))
    cfg = tiny.runner_cfg(model, 'unused')
    cfg.compile = True
    with pytest.raises(ConfigError, match='compile=True: MMEngine would compile the whole step'):
        check_config(cfg)
    cfg.model = tiny.pose_model()
    check_config(cfg)


@pytest.mark.parametrize('wrapper, refused', [('MMFullyShardedDataParallel', True),
                                              ('MMDistributedDataParallel', False)])
def test_a_distiller_is_not_taken_apart(wrapper, refused):
    model = dict(tiny.pose_model(), type='MultiKDDistiller', objectives=dict(loss_kd=dict(type='OutputObjective')))
    cfg = tiny.runner_cfg(model, 'unused', model_wrapper_cfg=dict(type=wrapper))
    with pytest.raises(ConfigError, match='takes weights apart') if refused else nullcontext():
        check_config(cfg)


def test_what_is_refused_is_what_upstream_does_not_read():
    constructor, flip = inspect.getsource(DefaultOptimWrapperConstructor), inspect.getsource(tta.flip_heatmaps)
    assert set(re.findall(r"paramwise_cfg\.get\(\s*'(\w+)'", constructor)) == set(_PARAMWISE_KEYS)
    assert set(re.findall(r"flip_mode == '(\w+)'", flip)) == set(_FLIP_MODES)
