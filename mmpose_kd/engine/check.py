"""What is wrong in a config and would not end in an error: refused before anything is built.

A stock runner trains for no epoch, with a negative loss or on labels of another image size without a word. Runs whose
config imports this package do not.
"""
import difflib
import inspect
import logging
import math
from typing import Any, Dict, Iterator, Tuple

from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS, OPTIM_WRAPPERS, OPTIMIZERS, PARAM_SCHEDULERS, TRANSFORMS
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from mmpose_kd.errors import ConfigError, check_arguments, check_count, did_you_mean, is_factor, not_registered
from mmpose_kd.keypoints import dataset_meta, parse_metainfo
from mmpose_kd.parts import class_of, dicts, kind_of

# What Runner.from_cfg reads, as far as a missing one goes unnoticed.
_RUNNER_KEYS = ('param_scheduler', 'auto_scale_lr', 'custom_hooks', 'default_hooks', 'load_from', 'resume',
                'randomness', 'env_cfg', 'work_dir', 'visualizer', 'val_dataloader', 'val_evaluator', 'val_cfg',
                'train_dataloader', 'train_cfg', 'optim_wrapper', 'custom_imports')
# Of parts of which the runner reads these, and passes over others.
_PART_KEYS = dict(auto_scale_lr=('enable', 'base_batch_size'),
                  env_cfg=('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'))
_TEST_KEYS = ('flip_test', 'flip_mode', 'shift_heatmap', 'shift_coords', 'output_heatmaps')
_FLIP_MODES = ('heatmap', 'udp_combined', 'offset')
_PARAMWISE_KEYS = ('bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'dwconv_decay_mult', 'flat_decay_mult',
                   'dcn_offset_lr_mult', 'bypass_duplicate', 'custom_keys')  # of DefaultOptimWrapperConstructor
_LIFTING_CODECS = ('ImagePoseLifting', 'MotionBERTLabel', 'VideoPoseLifting')
_PERSONS = dict(RKDLoss=3, SimilarityLoss=2)  # of two, RKD's distance is its own mean
_WITHOUT_PIPELINE = ('RepeatDataset', 'ConcatDataset', 'ClassBalancedDataset')  # MMEngine's: their parts have them
_CODEC_KEYS = ('type', 'input_size', 'heatmap_size', 'simcc_split_ratio')


def check_config(cfg: Config) -> None:
    """Refuse a config that would train silently on something else than it says.

    Args:
        cfg (Config): A whole config.

    Raises:
        ConfigError: A key is misspelt, a number is out of its range, or two parts contradict each other. Names the key.
    """
    model = _part(cfg.get('model'), 'model')
    for name in ('data_preprocessor', 'backbone', 'neck', 'head'):
        if model.get(name) is not None:
            _part(model[name], f'model.{name}')
    _check_spelling(cfg, _RUNNER_KEYS, '', cutoff=0.85)
    for name, keys in _PART_KEYS.items():
        if isinstance(cfg.get(name), dict):
            _check_spelling(cfg[name], keys, f'{name}.', cutoff=0.85)
    _check_topdown(cfg, model)
    _check_start(cfg)
    _check_test_cfg(model.get('test_cfg') or {})
    _check_train_cfg(cfg)
    _check_checkpoints(cfg)
    _check_randomness(cfg)
    _check_optimizer(cfg)
    for place, part in dicts(model, 'model'):
        weight = part.get('loss_weight', 0)
        if isinstance(weight, (int, float)) and not is_factor(weight):
            raise ConfigError(f'{place}.loss_weight={weight}: a negative loss teaches the opposite; expected a number '
                              'of at least 0.')
    _check_preprocessor(model)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if isinstance(cfg.get(loader), dict):
            _check_loader(cfg[loader], loader, model)
    _check_keypoints(cfg, model)
    if cfg.get('compile') and model.get('objectives'):
        raise ConfigError(f'compile={cfg.compile!r}: MMEngine would compile the whole step, and PyTorch cannot trace '
                          'what records features. Drop it; teacher.compile=True compiles the teacher.')
    if kind_of(cfg.get('model_wrapper_cfg') or {}) == 'MMFullyShardedDataParallel' and model.get('objectives'):
        raise ConfigError('model_wrapper_cfg: MMFullyShardedDataParallel takes weights apart before they are '
                          'initialised, and what is left of the connectors would not be saved. Drop it: the Runner '
                          'takes DDP for several GPUs.')
    _check_views(cfg)
    _check_later_pipelines(cfg, model)
    _check_persons(cfg)
    place, head = _head(model)
    cls = class_of(MODELS, head)
    if (cfg.get('val_cfg') is not None and cls is not None and head.get('decoder') is None
            and 'decoder' in inspect.signature(cls.__init__).parameters):
        raise ConfigError(f'{place}.decoder is not given: validation could not turn what the head predicts into '
                          'keypoints. Set it to the codec of the training pipeline.')


def _check_views(cfg: Config) -> None:
    """That nothing is asked to change the pipeline of views, which are the same in every epoch."""
    loader = cfg.get('train_dataloader') or {}
    views = any(kind_of(part) == 'ViewDataset' for _, part in dicts(loader.get('dataset'), ''))
    cached = any(part.get('cache') for _, part in dicts(cfg.model.get('teacher'), ''))
    if cached and (cfg.model.get('data_preprocessor') or {}).get('batch_augments'):
        raise ConfigError('model.data_preprocessor.batch_augments changes the images after their views are made, and '
                          'the answers in teacher.cache are to the views. Drop it, or train without the cache.')
    for place, hook in dicts(cfg.get('custom_hooks'), 'custom_hooks'):
        if views and kind_of(hook) == 'PipelineSwitchHook':
            raise ConfigError(f'{place}: PipelineSwitchHook cannot change the pipeline of a ViewDataset, whose views '
                              'stay the same. Drop the hook, or train without ViewDataset and the cache.')


def _check_later_pipelines(cfg: Config, model: Dict[str, Any]) -> None:
    """What trains the last epochs, as RTMPose's second stage, and is built when these begin."""
    for where, hook in dicts(cfg.get('custom_hooks'), 'custom_hooks'):
        if kind_of(hook) != 'PipelineSwitchHook':
            continue
        outer = kind_of((cfg.get('train_dataloader') or {}).get('dataset') or {})
        if outer in _WITHOUT_PIPELINE:
            raise ConfigError(f'{where}: PipelineSwitchHook changes the pipeline of the training set itself, and a '
                              f'{outer} has none: what is in it would keep its own to the end. Drop the hook, or give '
                              'train_dataloader.dataset a pipeline of its own: a single dataset, or a CombinedDataset '
                              'of several.')
        place, steps = f'{where}.switch_pipeline', hook.get('switch_pipeline') or []
        for i, step in enumerate(steps):
            _check_transform(step, f'{place}[{i}]')
        _check_targets(steps, place, model)


def _check_transform(step: Any, where: str) -> None:
    kind = _part(step, where)['type']
    with TRANSFORMS.switch_scope_and_registry(step.get('_scope_')) as home:
        cls = class_of(home, step)
        if cls is None:
            raise ConfigError(f'{where}: {not_registered(kind, home)}')
    check_arguments(cls, {key: value for key, value in step.items() if key != 'type'}, where)


def _check_persons(cfg: Config) -> None:
    """That a batch has as many persons as a loss on their relations needs, which else is 0."""
    size = (cfg.get('train_dataloader') or {}).get('batch_size')
    for place, part in dicts(cfg.model.get('objectives'), 'model.objectives'):
        needed = _PERSONS.get(kind_of(part), 0)
        if isinstance(size, int) and size < needed:
            raise ConfigError(f'train_dataloader.batch_size={size}: {place} is {kind_of(part)}, which compares the '
                              f'persons of a batch with each other and teaches nothing with fewer than {needed}. Take '
                              'larger batches; accumulated ones do not count.')


def _check_start(cfg: Config) -> None:
    """Where a training begins, and what it logs."""
    level, scope, start = cfg.get('log_level', 'INFO'), cfg.get('default_scope'), cfg.get('load_from')
    if not isinstance(level, int) and not isinstance(logging.getLevelName(level), int):
        raise ConfigError(f'log_level={level!r}: expected DEBUG, INFO, WARNING, ERROR or CRITICAL.')
    if scope != 'mmpose' and difflib.get_close_matches(str(scope).lower(), ['mmpose'], cutoff=0.8):
        raise ConfigError(f'default_scope={scope!r}: nothing is registered there. Did you mean "mmpose"?')
    if cfg.get('resume') is not None and not isinstance(cfg.resume, bool):
        raise ConfigError(f'resume={cfg.resume!r}: expected True or False; the file is named by load_from.')
    if start is not None and not isinstance(start, str):
        raise ConfigError(f'load_from={start!r}: expected the path or URL of a checkpoint.')


def _check_test_cfg(test_cfg: Any) -> None:
    if not isinstance(test_cfg, dict):
        raise ConfigError(f'model.test_cfg={test_cfg!r}: expected a dict, such as dict(flip_test=True).')
    _check_spelling(test_cfg, _TEST_KEYS, 'model.test_cfg.', cutoff=0.75)
    if not isinstance(test_cfg.get('flip_test', False), bool):
        raise ConfigError(f'model.test_cfg.flip_test={test_cfg["flip_test"]!r}: expected True or False.')
    if test_cfg.get('flip_mode', 'heatmap') not in _FLIP_MODES:
        raise ConfigError(f'model.test_cfg.flip_mode={test_cfg["flip_mode"]!r}: expected one of '
                          f'{", ".join(_FLIP_MODES)}.')


def _check_spelling(given: Dict[str, Any], known: Tuple[str, ...], where: str, cutoff: float) -> None:
    for key in given:
        near = [] if key in known else difflib.get_close_matches(str(key), known, n=1, cutoff=cutoff)
        if near and near[0] not in given:
            raise ConfigError(f'{where}{key}: nothing reads this key, and "{near[0]}" is not given.'
                              f'{did_you_mean(key, known)}')


def _check_train_cfg(cfg: Config) -> None:
    """How long it trains."""
    train = cfg.get('train_cfg')
    if not isinstance(train, dict):
        return
    for key in ('max_epochs', 'max_iters', 'val_interval'):
        if key in train:
            whole = isinstance(train[key], float) and train[key].is_integer()  # such as 1e5, which MMEngine takes
            check_count(f'train_cfg.{key}', int(train[key]) if whole else train[key])
    check_count('train_cfg.val_begin', train.get('val_begin', 1), 0)
    if train.get('by_epoch') is False and 'max_iters' not in train:
        raise ConfigError('train_cfg: by_epoch=False counts iterations: give max_iters instead of max_epochs, and '
                          'val_interval in iterations: train_cfg=dict(_delete_=True, by_epoch=False, max_iters=..., '
                          'val_interval=...).')
    if train.get('by_epoch') is False or kind_of(train) == 'IterBasedTrainLoop':
        for place, part in dicts(cfg.model.get('objectives'), 'model.objectives'):
            if part.get('by_epoch'):
                raise ConfigError(f'{place}: by_epoch=True, but this training counts iterations and has no epochs, so '
                                  'that the weight would never change. Drop by_epoch and give positions as fractions '
                                  'of the training, such as 0.5, or in iterations.')
        places = list(_counting_epochs(cfg))
        if places:
            raise ConfigError(f'train_cfg counts iterations, but {", ".join(places)} is not False and counts epochs, '
                              'of which such a training has none: nothing would be saved before its end, learning '
                              'rates would not change, and metrics would be logged at epoch 0. Set each to False, and '
                              'the intervals and milestones beside it in iterations.')
    stock = kind_of(train) in ('', 'EpochBasedTrainLoop', 'IterBasedTrainLoop')
    if stock and not {'max_epochs', 'max_iters'} & set(train):
        raise ConfigError('train_cfg: how long to train is not given; set max_epochs, such as '
                          'dict(by_epoch=True, max_epochs=210, val_interval=10).')


def _counting_epochs(cfg: Config) -> Iterator[str]:
    """Places of what counts epochs beside the objectives."""
    hooks = cfg.get('default_hooks') or {}
    checkpoint, logger = hooks.get('checkpoint') or {}, hooks.get('logger', {})
    if checkpoint.get('interval', -1) > 0 and checkpoint.get('by_epoch', True):
        yield 'default_hooks.checkpoint.by_epoch'
    for place, part in dicts(cfg.get('param_scheduler'), 'param_scheduler'):
        after_validation = getattr(class_of(PARAM_SCHEDULERS, part), 'need_val_args', False)  # as ReduceOnPlateauLR
        in_steps = part.get('convert_to_iter_based') and 'end' in part  # MMEngine turns such epochs into iterations
        if 'type' in part and part.get('by_epoch', True) and not after_validation and not in_steps:
            yield f'{place}.by_epoch'
    if logger is not None and logger.get('log_metric_by_epoch', True):  # None: there is none
        yield 'default_hooks.logger.log_metric_by_epoch'
    if (cfg.get('log_processor') or {}).get('by_epoch', True):
        yield 'log_processor.by_epoch'


def _check_checkpoints(cfg: Config) -> None:
    """How often it saves."""
    interval = ((cfg.get('default_hooks') or {}).get('checkpoint') or {}).get('interval', -1)
    if isinstance(interval, bool) or not isinstance(interval, int) or interval == 0:
        raise ConfigError(f'default_hooks.checkpoint.interval={interval!r}: expected a whole number of epochs or '
                          'iterations, or -1 for none but the last.')


def _check_randomness(cfg: Config) -> None:
    given = dict(cfg.get('randomness') or {})
    check_arguments(Runner.set_randomness, dict(given, self=None, seed=None), 'randomness')
    if given and 'seed' not in given:
        raise ConfigError(f'randomness={given}: no seed given, which MMEngine needs there. Add one, or seed=None to '
                          'draw it.')
    if given.get('seed') is not None:
        check_count('randomness.seed', given['seed'], 0)


def _check_optimizer(cfg: Config) -> None:
    wrapper = cfg.get('optim_wrapper')
    optimizer = wrapper.get('optimizer') if isinstance(wrapper, dict) else None
    if optimizer is None:
        return
    _check_wrapper(wrapper)
    kind, lr = _part(optimizer, 'optim_wrapper.optimizer')['type'], optimizer.get('lr')
    if isinstance(kind, str) and OPTIMIZERS.get(kind) is None:
        raise ConfigError(f'optim_wrapper.optimizer: {not_registered(kind, OPTIMIZERS)}')
    if lr is not None and not (_number(lr) and lr > 0):
        raise ConfigError(f'optim_wrapper.optimizer.lr={lr!r}: expected a number above 0.')


def _check_wrapper(wrapper: Dict[str, Any]) -> None:
    cls = class_of(OPTIM_WRAPPERS, dict(dict(type='OptimWrapper'), **wrapper))
    if cls is not None:  # else the registry says that there is none
        own = {key: value for key, value in wrapper.items() if key not in ('type', 'constructor', 'paramwise_cfg')}
        check_arguments(cls, own, 'optim_wrapper')
    check_count('optim_wrapper.accumulative_counts', wrapper.get('accumulative_counts', 1))
    if wrapper.get('constructor', 'DefaultOptimWrapperConstructor') == 'DefaultOptimWrapperConstructor':
        for key in wrapper.get('paramwise_cfg') or {}:
            if key not in _PARAMWISE_KEYS:
                raise ConfigError(f'optim_wrapper.paramwise_cfg.{key}: nothing reads this key; known are '
                                  f'{", ".join(_PARAMWISE_KEYS)}.{did_you_mean(key, _PARAMWISE_KEYS)}')
    clip = dict(wrapper.get('clip_grad') or {})
    if not clip:
        return
    clipping = clip_grad_value_ if clip.pop('type', 'norm') == 'value' else clip_grad_norm_
    check_arguments(clipping, dict(clip, parameters=None), 'optim_wrapper.clip_grad')
    for key in ('max_norm', 'clip_value'):
        if key in clip and clip[key] != math.inf and not (_number(clip[key]) and clip[key] > 0):
            raise ConfigError(f'optim_wrapper.clip_grad.{key}={clip[key]!r}: expected a number above 0; a negative one '
                              'turns the gradient around, and 0 takes it away.')


def _check_preprocessor(model: Dict[str, Any]) -> None:
    preprocessor = model.get('data_preprocessor') or {}
    for key in ('mean', 'std'):
        values = preprocessor.get(key)
        if values is not None and not (isinstance(values, (list, tuple)) and all(map(_number, values))
                                       and len(values) in (1, 3) and (key == 'mean' or min(values) > 0)):
            raise ConfigError(f'model.data_preprocessor.{key}={values!r}: expected three numbers, one a colour'
                              f'{", above 0" if key == "std" else ""}, such as those of ImageNet.')


def _check_loader(loader: Dict[str, Any], where: str, model: Dict[str, Any]) -> None:
    if 'batch_sampler' not in loader:
        check_count(f'{where}.batch_size', loader.get('batch_size'))
        if 'sampler' not in loader:
            raise ConfigError(f'{where}.sampler is not given: every process would read all samples in their order. Set '
                              f'dict(type="DefaultSampler", shuffle={where == "train_dataloader"}).')
    check_count(f'{where}.num_workers', loader.get('num_workers', 0), 0)
    for place, dataset in dicts(_part(loader.get('dataset'), f'{where}.dataset'), f'{where}.dataset'):
        pipeline = dataset.get('pipeline') or []  # MMEngine takes None for none
        if not isinstance(pipeline, (list, tuple)):
            raise ConfigError(f'{place}.pipeline={pipeline!r}: expected a list of transforms.')
        for i, step in enumerate(pipeline):
            _part(step, f'{place}.pipeline[{i}]')
    _check_targets(loader.get('dataset'), f'{where}.dataset', model)


def _check_targets(steps: Any, where: str, model: Dict[str, Any]) -> None:
    """That the transforms within a part of a config make images and labels as the head decodes them."""
    head_place, head = _head(model)
    decoder = head['decoder'] if isinstance(head.get('decoder'), dict) else {}
    own_place = f'{head_place}.decoder'
    _check_codec(decoder, own_place)
    for place, step in dicts(steps, where):
        if kind_of(step) == 'GenerateTarget' and isinstance(step.get('encoder'), dict):
            _check_codec(step['encoder'], f'{place}.encoder')
            for key in _CODEC_KEYS:
                own, other = (kind_of(codec) or None if key == 'type' else codec.get(key)
                              for codec in (step['encoder'], decoder))
                _same(own, other, f'{place}.encoder.{key}', f'{own_place}.{key}',
                      'what is trained would not be what is decoded')
            if kind_of(decoder) == 'SimDRLabel':  # the head draws the labels, with the sigma of its decoder
                given, read = (value * 2 if len(value) == 1 else value for value in (
                    _listed(codec.get('sigma', 6.)) for codec in (step['encoder'], decoder)))
                _same(given, read, f'{place}.encoder.sigma', f'{own_place}.sigma',
                      'the labels would be as wide as the latter says')
        if kind_of(step) == 'TopdownAffine':
            _check_size(step.get('input_size'), f'{place}.input_size')
            _same(step.get('input_size'), decoder.get('input_size'), f'{place}.input_size',
                  f'{own_place}.input_size', 'the keypoints would be of another image size')


def _check_codec(codec: Dict[str, Any], where: str) -> None:
    if 'input_size' in codec:
        _check_size(codec['input_size'], f'{where}.input_size')
    size = codec.get('heatmap_size')
    if size is not None:  # of a volume with its depth
        _check_size(size[:2] if isinstance(size, (list, tuple)) and len(size) == 3 else size, f'{where}.heatmap_size')
    for key in ('sigma', 'simcc_split_ratio'):
        if codec.get(key) is not None and not all(_number(value) and value > 0 for value in _listed(codec[key])):
            raise ConfigError(f'{where}.{key}={codec[key]!r}: expected a number above 0.')


def _check_size(size: Any, where: str) -> None:
    if not (isinstance(size, (list, tuple)) and len(size) == 2
            and all(_number(pixels) and pixels == int(pixels) and pixels > 0 for pixels in size)):
        raise ConfigError(f'{where}={size!r}: expected width and height, such as (192, 256).')


def _check_topdown(cfg: Config, model: Dict[str, Any]) -> None:
    """That a distilled student sees one person at a time, in an image."""
    if not model.get('objectives'):
        return
    for place, part in dicts(cfg.get('train_dataloader'), 'train_dataloader'):
        if part.get('data_mode') == 'bottomup':
            raise ConfigError(f"{place}.data_mode='bottomup': the student's config is that of a bottom-up or one-stage "
                              'model, which sees whole scenes. Distil a top-down one.')
    place, head = _head(model)
    lifting = kind_of(head.get('decoder') or {})
    if lifting in _LIFTING_CODECS:
        raise ConfigError(f'{place}.decoder: {lifting} lifts 2D poses to 3D ones and sees no image. Distil a '
                          'top-down model.')


def _check_keypoints(cfg: Config, model: Dict[str, Any]) -> None:
    place, head = _head(model)
    number, channels = head.get('out_channels'), head.get('in_channels')
    if number is not None:
        check_count(f'{place}.out_channels', number)
    for value in channels if isinstance(channels, (list, tuple)) else [channels]:
        if value is not None:
            check_count(f'{place}.in_channels', value)
    try:
        metainfo = parse_metainfo(dataset_meta(Config(dict(train_dataloader=cfg.get('train_dataloader') or {}))))
        names = len(metainfo['keypoint_id2name']) if metainfo else None
    except (KeyError, TypeError, ValueError, AttributeError, FileNotFoundError, AssertionError):
        return  # whoever builds the dataset says what is wrong with it
    if names is not None and (head.get('decoder') or {}).get('heatmap_type') == 'combined':
        names *= 3  # of each joint one for the place, and two that lead there
    converts = any(kind_of(step).endswith('Converter') or kind_of(step) == 'CombinedDataset'
                   for _, step in dicts(cfg.get('train_dataloader'), ''))
    cls = class_of(MODELS, model)  # of a lifter from 2D to 3D out_channels are something else
    topdown = inspect.isclass(cls) and issubclass(cls, TopdownPoseEstimator)
    if topdown and names is not None and number is not None and number != names and not converts:
        raise ConfigError(f'{place}.out_channels={number}, but the training set has {names} keypoints: set it to '
                          f'{names}, or choose a dataset with {number} in train_dataloader.dataset.')


def _head(model: Dict[str, Any]) -> Tuple[str, Dict[str, Any]]:
    """The head that is decoded, and its place: that within an IGPGCNHead or a VisPredictHead."""
    head = model.get('head') or {}
    for name in ('base', 'pose_cfg'):
        if isinstance(head.get(name), dict):
            return f'model.head.{name}', head[name]
    return 'model.head', head


def _part(value: Any, where: str) -> Dict[str, Any]:
    if not isinstance(value, dict) or 'type' not in value:
        raise ConfigError(f'{where}: expected a dict with a "type", got {value!r}.')
    return value


def _same(a: Any, b: Any, place_a: str, place_b: str, why: str) -> None:
    if a is not None and b is not None and _plain(a) != _plain(b):
        raise ConfigError(f'{place_a}={a!r} and {place_b}={b!r} differ, so that {why}: give both the same.')


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, tuple)) else value


def _listed(value: Any) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
