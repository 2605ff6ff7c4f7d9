"""Errors for the person who wrote the config."""
import difflib
import inspect
import math
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Dict, Iterable, Sequence, Union

from mmengine.registry import Registry

_SCOPE = '_scope_'  # MMEngine's mark of the package that a part of a config is from; no argument


class ConfigError(ValueError):
    """A config asks for something that cannot be done.

    The message says what was given, what was expected and what to change.
    """


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """A hint that names the candidates closest to a misspelt name.

    Args:
        name (str): What was given.
        candidates (Iterable[str]): What exists.

    Returns:
        str: ``' Did you mean "a" or "b"?'``, or an empty string where nothing
        comes close.
    """
    close = difflib.get_close_matches(str(name), list(candidates), n=3, cutoff=0.5)
    return f' Did you mean {" or ".join(repr(c) for c in close)}?' if close else ''


def is_count(value: Any, least: int = 1) -> bool:
    """Whether a value is a whole number of at least ``least``, as numbers of channels and of pixels are."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def check_count(name: str, value: Any, least: int = 1) -> int:
    """Refuse an argument that is no whole number of a certain size.

    Args:
        name (str): The argument.
        value (int): What the config gives.
        least (int): The smallest that will do. Default: 1.

    Returns:
        int: The value.

    Raises:
        ConfigError: It is something else.
    """
    if not is_count(value, least):
        raise ConfigError(f'{name}={value!r}: expected a whole number of at least {least}.')
    return value


def is_factor(value: Any) -> bool:
    """Whether a value is a finite number of at least 0, as weights of losses are."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


def check_factor(name: str, value: Any) -> float:
    """Refuse an argument that is no finite number of at least 0.

    Args:
        name (str): The argument.
        value (float): What the config gives.

    Returns:
        float: The value.

    Raises:
        ConfigError: It is something else.
    """
    if not is_factor(value):
        raise ConfigError(f'{name}={value!r}: expected a finite number of at least 0.')
    return value


def map_at(name: str, index: int, maps: Sequence) -> Any:
    """The map that an argument picks by its index; refused where the backbone or neck returns none there."""
    if not -len(maps) <= index < len(maps):
        raise ConfigError(f'{name}={index} given, but the backbone or neck returns {len(maps)} maps. Change it, or the '
                          "backbone's out_indices.")
    return maps[index]


def one_line(error: BaseException) -> str:
    """What another library's error says, without its line breaks and cut where it goes on for long."""
    return ' '.join(str(error).split())[:300]


def first_line(error: BaseException) -> str:
    """Type and first line of another library's error."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else error  # its str() has quotes
    lines = str(text).strip().splitlines()
    return f'{type(error).__name__}: {lines[0] if lines else "no message"}'


def make_folder(folder: Union[str, Path], option: str = '--out') -> Path:
    """Make a folder that the user has named, unless it exists; before anything is computed for it.

    Args:
        folder (str | Path): The folder.
        option (str): What named it.

    Returns:
        Path: The folder.

    Raises:
        ConfigError: It cannot be made: a part of its path is a file, or may not be written to.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f'the folder "{folder}" cannot be made: {error.strerror}. Give another with {option}.'
                          ) from None
    if not os.access(folder, os.W_OK):
        raise ConfigError(f'the folder "{folder}" may not be written to. Give another with {option}.')
    return Path(folder)


def build(registry: Registry, cfg: Any, where: str, **defaults: Any) -> Any:
    """Build a registered part, with an error that says where the config is wrong.

    Args:
        registry (Registry): The registry that holds the part.
        cfg (dict): A config with a ``type`` and arguments.
        where (str): The place of ``cfg`` in the config file, such as
            ``'model.objectives.loss_kd.loss'``.
        **defaults: Arguments for the part that its config does not give.

    Returns:
        Any: The part.

    Raises:
        ConfigError: ``cfg`` is no dict with a type, the type is not
            registered, an argument is unknown or missing, or the part's own
            check of its arguments fails.
    """
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise ConfigError(f'{where}: expected a dict with a "type", got {cfg!r}.')
    scope = cfg.get(_SCOPE)
    with nullcontext(registry) if scope is None else registry.switch_scope_and_registry(scope) as home:
        return _build(home, cfg, where, defaults)


def _build(registry: Registry, cfg: dict, where: str, defaults: dict) -> Any:
    cls = cfg['type']
    if isinstance(cls, str):
        cls = registry.get(cls)
        if cls is None:
            raise ConfigError(f'{where}: {not_registered(cfg["type"], registry)}')
    args = {**defaults, **{k: v for k, v in cfg.items() if k not in ('type', _SCOPE)}}
    check_arguments(cls, args, where)
    try:
        return cls(**args)
    except ConfigError as error:
        raise ConfigError(f'{where}: {error}') from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RuntimeError) as error:
        given = ', '.join(f'{name}={value!r}' for name, value in args.items())
        raise ConfigError(f'{where}: {cls.__name__} cannot be built from {given}: '
                          f'{type(error).__name__}: {error}') from error


def not_registered(kind: str, registry: Registry) -> str:
    """What to say of a type that a registry does not have."""
    return (f'type "{kind}" is not registered in {registry.scope}\'s "{registry.name}" registry.'
            f'{did_you_mean(kind, _names(registry))} If it is your own, name its module in custom_imports.')


def _names(registry: Registry) -> set:
    registry.import_from_location()
    return set(registry.module_dict) | (set() if registry.parent is None else _names(registry.parent))


def check_arguments(cls: Any, args: dict, where: str, hidden: Iterable[str] = ()) -> None:
    """Refuse arguments that a class or function does not take, or that it needs and does not get.

    Args:
        cls (type | Callable): What takes the arguments.
        args (dict): The arguments.
        where (str): The place of the config that the error names.
        hidden (Iterable[str]): Parameters that are not for configs.

    Raises:
        ConfigError: An argument is unknown or missing.
    """
    keywords = {k: p for k, p in _keywords(cls).items() if k not in hidden}
    for name in args:
        if name not in keywords and name != _SCOPE:
            raise ConfigError(f'{where}: {cls.__name__} has no argument "{name}".{did_you_mean(name, keywords)} '
                              f'It takes: {", ".join(keywords)}.')
    missing = [name for name, p in keywords.items() if p.default is p.empty and name not in args]
    if missing:
        raise ConfigError(f'{where}: {cls.__name__} needs the argument "{missing[0]}", which is not given.')


def _keywords(cls: Any) -> Dict[str, inspect.Parameter]:
    """Keyword parameters of a class; where its ``__init__`` passes ``**kwargs`` on, those of its bases too."""
    found: Dict[str, inspect.Parameter] = {}
    for base in inspect.getmro(cls) if inspect.isclass(cls) else [cls]:
        if inspect.isclass(base) and '__init__' not in vars(base):
            continue
        parameters = list(inspect.signature(base).parameters.values())
        for p in parameters:
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
                found.setdefault(p.name, p)
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return found
