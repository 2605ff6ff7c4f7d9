"""The parts of a config: dicts with a type."""
import copy
import importlib.util
from typing import Any, Dict, Iterator, List, Tuple

from mmengine.registry import Registry

from .errors import ConfigError

_EXTRAS = {'mmpretrain': 'vit'}  # extras of ours by the package that they install


def dicts(value: Any, place: str = '') -> Iterator[Tuple[str, Dict[str, Any]]]:
    """Each dict of a nested config with its place."""
    items: List[Tuple[str, Any]] = []
    if isinstance(value, dict):
        yield place, value
        items = [(f'{place}.{key}', v) for key, v in value.items()]
    elif isinstance(value, (list, tuple)):
        items = [(f'{place}[{i}]', v) for i, v in enumerate(value)]
    for name, v in items:
        yield from dicts(v, name)


def kind_of(part: Dict[str, Any]) -> str:
    """The name of a part's type, without a scope.

    Args:
        part (dict): A part of a config, whose type is a name or, as MMEngine's newer configs have it, a class.

    Returns:
        str: The name; empty where there is no type.
    """
    kind = part.get('type')
    return kind.split('.')[-1] if isinstance(kind, str) else getattr(kind, '__name__', '')


def with_names(cfg: Dict[str, Any]) -> Dict[str, Any]:
    """A copy of a nested config in which types are names, be they names, classes or, as a saved config has it, paths.

    Example:
        >>> from mmpose.datasets import CocoDataset
        >>> with_names(dict(type=CocoDataset)) == with_names(dict(type='mmpose.datasets.CocoDataset'))
        True
    """
    cfg = copy.deepcopy(cfg)
    for _, part in dicts(cfg):
        if 'type' in part:
            part['type'] = kind_of(part)
    return cfg


def class_of(registry: Registry, part: Dict[str, Any]) -> Any:
    """The class or function that a part's type stands for.

    Args:
        registry (Registry): Where its name is looked up.
        part (dict): A part of a config, whose type is a name or, as MMEngine's newer configs have it, a class.

    Returns:
        Any: The class; None where there is no type, or none of that name.
    """
    kind = part.get('type')
    return registry.get(kind) if isinstance(kind, str) else kind


def imports_of(cfg: Dict[str, Any]) -> List[str]:
    """The modules that a config's ``custom_imports``, if it has any, names: one as a text, or several in a list."""
    found = (cfg.get('custom_imports') or {}).get('imports') or []
    return [found] if isinstance(found, str) else list(found)


def check_packages(model: dict) -> None:
    """Refuse a model with a part of an OpenMMLab package that is not installed, such as ViTPose's backbone.

    Args:
        model (dict): The model's config. A part of another package has its name before the type's, as in
            ``'mmpretrain.VisionTransformer'``.

    Raises:
        ConfigError: The package cannot be imported.
    """
    for _, part in dicts(model):
        package, dot, name = str(part.get('type', '')).partition('.')
        if dot and isinstance(part['type'], str) and importlib.util.find_spec(package) is None:
            install = f"pip install 'mmpose_kd[{_EXTRAS[package]}]'" if package in _EXTRAS else f'mim install {package}'
            raise ConfigError(f'{name} is a part of the package "{package}", which is not installed: {install}.')
