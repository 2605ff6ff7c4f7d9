"""Take the student out of a distilled run."""
import copy
from pathlib import Path
from typing import Any, Dict, Tuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import DATASETS, HOOKS, KEYPOINT_CODECS, METRICS, MODELS, TASK_UTILS, TRANSFORMS
from torch import Tensor

from mmpose_kd.checkpoint import dataset_meta_of, load_checkpoint, load_strictly, state_dict_of
from mmpose_kd.config import check_model
from mmpose_kd.errors import ConfigError, build
from mmpose_kd.keypoints import dataset_meta, parse_metainfo
from mmpose_kd.models.distillers.state import deployed_model, deployed_weights
from mmpose_kd.models.outputs import input_size_of, pose_head
from mmpose_kd.models.taps import tensors
from mmpose_kd.parts import check_packages, class_of, dicts, imports_of, kind_of

PACKAGE = 'mmpose_kd'
_REGISTRIES = (DATASETS, HOOKS, KEYPOINT_CODECS, METRICS, MODELS, TASK_UTILS, TRANSFORMS)


def deployed_config(cfg: Config) -> Config:
    """The plain config of a distilled student.

    Args:
        cfg (Config): Config of a distilled run, or of any pose estimator.

    Returns:
        Config: The same without teacher, objectives, hooks of ours, what only training needs, the places of initial
        weights and of the training, and the services that it logged to. It imports this package only where a backbone,
        head, codec or dataset of ours is left. A loss on the labels that distillation had switched off has its weight
        again, so that the student can be trained further.

    Raises:
        ConfigError: It holds no model.

    Example:
        >>> model = dict(type='MultiKDDistiller', head=dict(type='HeatmapHead'), teacher=dict(), objectives=dict())
        >>> deployed_config(Config(dict(model=model))).model
        {'type': 'TopdownPoseEstimator', 'head': {'type': 'HeatmapHead'}}
    """
    check_model(cfg)
    cfg = copy.deepcopy(cfg)
    cfg.model = deployed_model(cfg.model)
    drop_initial_weights(cfg.model)
    loss = cfg.model.head.get('loss')
    if isinstance(loss, dict) and loss.get('loss_weight') == 0:
        loss.pop('loss_weight')
    cfg.load_from, cfg.resume = None, False
    cfg.pop('work_dir', None)  # the training's: a test would write its own config over it
    hooks = _our_names([HOOKS])
    if cfg.get('default_hooks'):
        cfg.default_hooks = {k: v for k, v in cfg.default_hooks.items() if not v or kind_of(v) not in hooks}
    if cfg.get('custom_hooks'):
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if kind_of(hook) not in hooks]
    if (cfg.get('visualizer') or {}).get('vis_backends'):
        cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    train = cfg.get('train_dataloader')
    if train and kind_of(train.dataset) == 'ViewDataset':  # a teacher's cache needs it, a student does not
        train.dataset = train.dataset.dataset
    ours = _our_names(_REGISTRIES)
    if cfg.get('custom_imports') and not any(kind_of(part) in ours for _, part in dicts(cfg.to_dict())):
        cfg.custom_imports.imports = [name for name in imports_of(cfg) if name.split('.')[0] != PACKAGE]
        if not cfg.custom_imports.imports:
            cfg.pop('custom_imports')
    return cfg


def deployed_student(cfg: Config, checkpoint: str, device: str = 'cpu') -> TopdownPoseEstimator:
    """The student of a run as it is deployed, with its weights, in evaluation mode.

    Args:
        cfg (Config): Config of a distilled run, or of any top-down estimator.
        checkpoint (str): File or URL of what it wrote; after training with EMA, the averaged weights are taken.
        device (str): Where it runs. Default: 'cpu'.

    Returns:
        TopdownPoseEstimator: The student. As with MMPose's ``init_model``, its ``cfg`` is the plain config, and its
        ``dataset_meta`` that of the checkpoint or else of the config's data; None where neither has one.

    Raises:
        ConfigError: It is no top-down estimator, a package of a part of it is missing, or the checkpoint cannot be read
            or belongs to another config.
    """
    init_default_scope('mmpose')
    plain = deployed_config(cfg)
    check_packages(plain.model)
    loaded = load_checkpoint(checkpoint)
    student = build(MODELS, plain.model, 'model')
    if not isinstance(student, TopdownPoseEstimator):
        raise ConfigError(f'{type(student).__name__} is no top-down model.')
    load_strictly(student, deployed_weights(cfg.model, state_dict_of(loaded)), checkpoint)
    student.cfg = plain
    student.dataset_meta = dataset_meta_of(loaded) or parse_metainfo(dataset_meta(cfg))
    return student.to(device).eval()


def take_student(cfg: Config, checkpoint: str) -> Tuple[Config, TopdownPoseEstimator, Dict[str, Tensor]]:
    """The plain config of a distilled student, the model as it was trained, and the weights that are deployed.

    Trained and plain model are run on the same random images: their outputs must be equal bit for bit.

    Args:
        cfg (Config): Config of the distilled run.
        checkpoint (str): A checkpoint that it wrote; after training with EMA, the averaged weights are taken.

    Returns:
        tuple[Config, nn.Module, dict[str, Tensor]]: Config, trained model in eval mode, weights of the plain model.

    Raises:
        ConfigError: See :func:`deployed_student`; or a weight is not finite, or the outputs differ.
    """
    student = deployed_student(cfg, checkpoint)
    weights = {name: value.clone() for name, value in student.state_dict().items()}
    for name, value in weights.items():
        if not value.isfinite().all():
            raise ConfigError(f'checkpoint "{checkpoint}": "{name}" is not finite: the training has diverged. Export '
                              'an earlier checkpoint.')
    trained = build(MODELS, cfg.model, 'model').eval()
    trained.load_state_dict(weights, strict=False)
    _check_equal(trained, student, input_size(student, student.cfg))
    return student.cfg, trained, weights


def input_size(model: TopdownPoseEstimator, cfg: Config) -> Tuple[int, int]:
    """Width and height in pixels of a model's images.

    Raises:
        ConfigError: Neither its codec nor the pipeline of its data says so.
    """
    size = input_size_of(getattr(pose_head(model.head), 'decoder', None))
    for loader in ('test_dataloader', 'val_dataloader', 'train_dataloader'):
        for _, step in dicts(cfg.get(loader)):
            if size is None and kind_of(step) == 'TopdownAffine':
                size = step['input_size']
    if size is None:
        raise ConfigError('neither the codec of the head nor a TopdownAffine in the pipeline of the data says what the '
                          'input_size is. Give one of them.')
    return int(size[0]), int(size[1])


def write_student(plain: Config, weights: Dict[str, Tensor], config: Path, checkpoint: Path) -> None:
    """Write a plain config, and a checkpoint that holds weights alone, or the joints where the config hides them."""
    plain.dump(str(config))
    torch.save(dict(state_dict=weights, meta=_hidden_joints(plain)), checkpoint)


def _hidden_joints(plain: Config) -> Dict[str, Any]:
    """The joints as a checkpoint's meta where MMPose, which looks at the outer set of data alone, would take COCO's."""
    outer = (plain.get('train_dataloader') or {}).get('dataset') or {}
    if outer.get('metainfo') or getattr(class_of(DATASETS, outer), 'METAINFO', None):
        return {}
    joints = parse_metainfo(dataset_meta(plain)) or {}
    listed = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in joints.items()}
    return dict(dataset_meta=listed) if listed else {}


@torch.no_grad()
def _check_equal(trained: TopdownPoseEstimator, student: TopdownPoseEstimator, size: Tuple[int, int]) -> None:
    images = torch.randn(2, 3, *size[::-1], generator=torch.Generator().manual_seed(0))
    outputs = [list(tensors(model(images, None, mode='tensor'))) for model in (trained, student)]
    if len(outputs[0]) != len(outputs[1]) or not all(torch.equal(a, b) for a, b in zip(*outputs)):
        raise ConfigError('the plain student does not compute what the trained one computes, so it is not exported. '
                          'Its backbone, neck or head must name what only training needs in training_only and '
                          'deployed().')


def drop_initial_weights(cfg: Any) -> None:
    """Remove every ``init_cfg`` that loads a file from a nested config, in place."""
    for _, part in list(dicts(cfg)):
        if any(kind_of(init) == 'Pretrained' for _, init in dicts(part.get('init_cfg'))):
            part.pop('init_cfg')


def _our_names(registries: Any) -> set:
    """Names of ours in registries, but for what stands in for a stock part of the same name."""
    return {name for registry in registries for name, cls in registry.module_dict.items()
            if cls.__module__.split('.')[0] == PACKAGE and name == cls.__name__}
