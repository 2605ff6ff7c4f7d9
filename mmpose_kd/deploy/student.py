"""Take the student out of a distilled run."""
import copy
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import DATASETS, HOOKS, KEYPOINT_CODECS, METRICS, MODELS, TASK_UTILS, TRANSFORMS
from torch import Tensor

from mmpose_kd.checkpoint import load_checkpoint, load_strictly, state_dict_of
from mmpose_kd.config import check_model
from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.distillers.state import deployed_model, deployed_weights
from mmpose_kd.models.taps import tensors
from mmpose_kd.parts import kind_of

from .check import input_size

PACKAGE = 'mmpose_kd'
_REGISTRIES = (DATASETS, HOOKS, KEYPOINT_CODECS, METRICS, MODELS, TASK_UTILS, TRANSFORMS)


def deployed_config(cfg: Config) -> Config:
    """The plain config of a distilled student.

    Args:
        cfg (Config): Config of a distilled run, or of any pose estimator.

    Returns:
        Config: The same without teacher, objectives, hooks of ours, what only training needs, the places of initial
        weights, and the services that the training logged to. It imports this package only where a backbone, head,
        codec or dataset of ours is left. A loss on the labels that distillation had switched off has its weight again,
        so that the student can be trained further.

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
    if cfg.get('custom_imports') and not any(name in ours for name in _types(cfg.to_dict())):
        imports = cfg.custom_imports.imports
        imports = [imports] if isinstance(imports, str) else imports
        cfg.custom_imports.imports = [name for name in imports if name.split('.')[0] != PACKAGE]
        if not cfg.custom_imports.imports:
            cfg.pop('custom_imports')
    return cfg


def take_student(cfg: Config, checkpoint: str) -> Tuple[Config, TopdownPoseEstimator, Dict[str, Tensor]]:
    """The plain config of a distilled student, the model as it was trained, and the weights that are deployed.

    Trained and plain model are run on the same random images: their outputs must be equal bit for bit.

    Args:
        cfg (Config): Config of the distilled run.
        checkpoint (str): A checkpoint that it wrote; after training with EMA, the averaged weights are taken.

    Returns:
        tuple[Config, nn.Module, dict[str, Tensor]]: Config, trained model in eval mode, weights of the plain model.

    Raises:
        ConfigError: The checkpoint cannot be read or belongs to another config, or the outputs differ.
    """
    init_default_scope('mmpose')
    plain = deployed_config(cfg)
    trained, student = build(MODELS, cfg.model, 'model'), build(MODELS, plain.model, 'model')
    load_strictly(student, deployed_weights(cfg.model, state_dict_of(load_checkpoint(checkpoint))), checkpoint)
    weights = {name: value.clone() for name, value in student.state_dict().items()}
    trained.load_state_dict(weights, strict=False)
    _check_equal(trained, student, input_size(student, plain))
    return plain, trained.eval(), weights


def write_student(plain: Config, weights: Dict[str, Tensor], config: Path, checkpoint: Path) -> None:
    """Write a plain config, and a checkpoint that holds weights alone."""
    plain.dump(str(config))
    torch.save(dict(state_dict=weights, meta={}), checkpoint)


@torch.no_grad()
def _check_equal(trained: TopdownPoseEstimator, student: TopdownPoseEstimator, size: Tuple[int, int]) -> None:
    images = torch.randn(2, 3, *size[::-1], generator=torch.Generator().manual_seed(0))
    outputs = [list(tensors(model.eval()(images, None, mode='tensor'))) for model in (trained, student)]
    if len(outputs[0]) != len(outputs[1]) or not all(torch.equal(a, b) for a, b in zip(*outputs)):
        raise ConfigError('the plain student does not compute what the trained one computes, so it is not exported. '
                          'Its backbone, neck or head must name what only training needs in training_only and '
                          'deployed().')


def drop_initial_weights(cfg: Any) -> None:
    """Remove every ``init_cfg`` that loads a file from a nested config, in place."""
    if isinstance(cfg, dict):
        if 'init_cfg' in cfg and any(name == 'Pretrained' for name in _types(cfg['init_cfg'])):
            cfg.pop('init_cfg')
        for value in cfg.values():
            drop_initial_weights(value)
    elif isinstance(cfg, (list, tuple)):
        for value in cfg:
            drop_initial_weights(value)


def _types(cfg: Any) -> Iterator[str]:
    """Every ``type`` of a nested config, without its scope."""
    if isinstance(cfg, dict):
        if 'type' in cfg:
            yield kind_of(cfg)
        for value in cfg.values():
            yield from _types(value)
    elif isinstance(cfg, (list, tuple)):
        for value in cfg:
            yield from _types(value)


def _our_names(registries: Any) -> set:
    """Names of ours in registries, but for what stands in for a stock part of the same name."""
    return {name for registry in registries for name, cls in registry.module_dict.items()
            if cls.__module__.split('.')[0] == PACKAGE and name == cls.__name__}
