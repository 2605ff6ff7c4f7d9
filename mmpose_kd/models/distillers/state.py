"""What belongs to the deployed student, and what only training needs."""
import copy
from typing import Any, Dict, List, Sequence, Tuple

from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, did_you_mean
from mmpose_kd.parts import class_of

PARTS = ('backbone', 'neck', 'head')


def deployed_model(cfg: Dict[str, Any]) -> Dict[str, Any]:
    """Config of the plain pose estimator that is deployed.

    Args:
        cfg (dict): Config of a pose estimator. The class of its backbone, neck or head may have a function
            ``deployed``, which turns its own config into that of the part that is deployed.

    Returns:
        dict: The config without teacher and objectives, and without what only training needs.

    Example:
        >>> student = dict(type='TopdownPoseEstimator', backbone=dict(type='ResNet', depth=18))
        >>> deployed_model(dict(student, type='MultiKDDistiller', teacher=dict(), objectives=dict())) == student
        True
    """
    cfg = _plain_model(cfg)
    for part in PARTS:
        if cfg.get(part):
            cfg[part] = getattr(class_of(MODELS, cfg[part]), 'deployed', copy.copy)(cfg[part])
    return cfg


def deployed_weights(cfg: Dict[str, Any], state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Those of a student's weights that are deployed: a training without a distiller saves the other ones, too.

    Args:
        cfg (dict): Config of the pose estimator that was trained.
        state (dict[str, Tensor]): The weights in its checkpoint.

    Returns:
        dict[str, Tensor]: Those of the :func:`deployed_model`.
    """
    trained = _plain_model(cfg)
    if trained == deployed_model(cfg):
        return state
    places = tuple(f'{name}.' for name in training_only(MODELS.build(trained)))
    return {name: value for name, value in state.items() if not name.startswith(places)}


def training_only(model: nn.Module) -> List[str]:
    """Names of the modules that the deployed student does not have.

    Args:
        model (nn.Module): A pose estimator. Any of its modules may name children in an attribute ``training_only``,
            such as ``('peers', )``: branches that are trained beside the deployed one.

    Returns:
        list[str]: Dotted names; 'objectives' is one of them where the model is a distiller.
    """
    names = ['objectives'] if hasattr(model, 'objectives') else []
    for name, module in model.named_modules():
        names += [f'{name}.{child}'.lstrip('.') for child in getattr(module, 'training_only', ())]
    return names


def training_only_state(model: nn.Module) -> Dict[str, Any]:
    """State dicts of what only training needs, by the module's name."""
    return {name: model.get_submodule(name).state_dict() for name in training_only(model)}


def load_training_only_state(model: nn.Module, state: Dict[str, Any]) -> None:
    """Take back what :func:`training_only_state` returned.

    Raises:
        KeyError: The state lacks a module.
        RuntimeError: The state of a module does not fit.
    """
    for name in training_only(model):
        model.get_submodule(name).load_state_dict(state[name])


def keep_out_of_state_dict(model: nn.Module) -> None:
    """Leave what only training needs out of the model's ``state_dict``, and do without it when one is loaded."""
    model._register_state_dict_hook(_drop)
    model.register_load_state_dict_post_hook(_forgive)


def checked_modules(model: nn.Module, names: Sequence[str], where: str) -> Tuple[str, ...]:
    """Names of modules that exist.

    Args:
        model (nn.Module): The model.
        names (Sequence[str]): Dotted names, as the config gives them.
        where (str): The place of the config that the error names.

    Raises:
        ConfigError: It is no list of names, or a name is no module of the model.
    """
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f'{where}: expected a list of module names such as ["backbone"], got {names!r}.')
    modules = {name for name, _ in model.named_modules() if name and not name.startswith('objectives')}
    for name in names:
        if name not in modules:
            raise ConfigError(f'{where}: "{name}" is no module of the student.{did_you_mean(name, modules)}')
    return tuple(names)


def _plain_model(cfg: Dict[str, Any]) -> Dict[str, Any]:
    """A copy of the config without teacher and objectives."""
    cfg = copy.deepcopy(cfg)
    for key in ('teacher', 'objectives', 'frozen'):
        if key in cfg:
            cfg.pop(key)
            cfg['type'] = 'TopdownPoseEstimator'
    return cfg


def _drop(model: nn.Module, state: dict, prefix: str, local_metadata: dict) -> None:
    places = tuple(f'{prefix}{name}.' for name in training_only(model))
    for key in [k for k in state if k.startswith(places)]:
        del state[key]


def _forgive(model: nn.Module, incompatible: Any) -> None:
    ours = {f'{name}.{key}' for name, state in training_only_state(model).items() for key in state}
    kept = [k for k in incompatible.missing_keys if not any(k == o or k.endswith(f'.{o}') for o in ours)]
    incompatible.missing_keys[:] = kept
