"""Read the configs that somebody names."""
import copy
import hashlib
import inspect
import json
import os.path as osp
from pathlib import Path
from typing import Any, Optional, Union

from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from .errors import ConfigError, did_you_mean

# What MMEngine's runner reads of a config beside its own arguments.
_READ = ('compile', 'sync_bn', 'find_unused_parameters', 'model_wrapper_cfg', 'activation_checkpointing',
         'efficient_conv_bn_eval', 'custom_imports')


def read_config(file: Union[str, Path], cfg_options: Optional[dict] = None, custom_imports: bool = True) -> Config:
    """Read a config, with errors that name it.

    Args:
        file (str | Path): Python, YAML or JSON in MMEngine's config syntax, or ``'mmpose::...'``.
        cfg_options (dict, optional): Changes to it, by dotted key, as ``--cfg-options`` gives them.
        custom_imports (bool): Whether to import the modules that it names. Default: True.

    Returns:
        Config: The config.

    Raises:
        ConfigError: It does not exist or cannot be read, or an option has no place in it, or one that nobody reads.

    Example:
        >>> stock = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py'
        >>> read_config(stock, {'train_cfg.max_epochs': 20}).train_cfg.max_epochs
        20
    """
    of_package = '::' in str(file)
    if not of_package and not Path(file).is_file():
        raise ConfigError(f'config "{file}" does not exist.')
    try:
        cfg = get_config(str(file)) if of_package else Config.fromfile(str(file), import_custom_modules=custom_imports)
    except (Exception, SystemExit) as error:  # a config is Python code: whatever it raises
        if of_package and isinstance(error, FileNotFoundError):
            raise ConfigError(f'config "{file}" does not exist: {error}') from None
        raise ConfigError(f'config "{file}" cannot be read: {type(error).__name__}: {error}') from error
    merge_options(cfg, cfg_options or {}, str(file))
    return cfg


def load_config(config: Union[str, dict, Config], folder: Optional[str] = None) -> Config:
    """A whole config with a model, from a path, ``'mmpose::...'`` or a dict.

    Raises:
        ConfigError: The file does not exist, cannot be read, or holds no model.
    """
    if isinstance(config, str):
        path = find_file(config, folder)
        if '::' not in config and not osp.isfile(path):
            tried = [osp.abspath(osp.join(f, config)) for f in dict.fromkeys([folder or '.', '.'])]
            raise ConfigError(f'config "{config}" does not exist; tried {" and ".join(tried)}.')
        cfg = read_config(path)
    else:
        cfg = config if isinstance(config, Config) else Config(
            dict(config) if 'model' in config else dict(model=dict(config)))
    check_model(cfg, config)
    return cfg


def find_file(path: str, folder: Optional[str]) -> str:
    """A path as given, relative to the config file's folder or to the working directory; URLs pass through.

    Returns:
        str: The first of these that exists, else the path as given, with the home folder for a ``~``.
    """
    if '://' in path or '::' in path:
        return path
    path = osp.expanduser(path)
    if osp.isabs(path):
        return path
    candidates = [osp.join(folder, path)] if folder else []
    return next((osp.abspath(c) for c in [*candidates, path] if osp.isfile(c)), path)


def check_model(cfg: Config, given: Any = None) -> None:
    """Refuse a config that has no model, such as that of a schedule.

    Args:
        cfg (Config): A whole config.
        given (Any): What the error calls it. Default: its file.

    Raises:
        ConfigError: It holds no ``model`` with a ``type``.
    """
    if not isinstance(cfg.get('model'), dict) or 'type' not in cfg.model:
        name = f'"{cfg.filename}"' if given is None else repr(given)
        raise ConfigError(f'config {name} holds no "model" with a "type".')


def merge_options(cfg: Config, options: dict, file: str) -> None:
    """Apply options to a config.

    Args:
        cfg (Config): A whole config, which is changed.
        options (dict): Changes to it, by dotted key.
        file (str): Where it comes from, for the errors.

    Raises:
        ConfigError: An option has no place in it, is one that a misspelt first part would keep from everybody, or gives
            a text for a number.
    """
    known = {*cfg, *inspect.signature(Runner.__init__).parameters, *_READ} - {'self', 'cfg'}
    for key in options:
        first = key.split('.')[0]
        if first not in known:
            raise ConfigError(f'config "{file}": the option {key} changes "{first}", which it does not have, and '
                              f'which no training reads.{did_you_mean(first, known)}')
        _refuse_argument(cfg, key, file)
        _refuse_text(cfg, key, options[key], file)
    try:
        cfg.merge_from_dict(copy.deepcopy(options))  # it takes "_delete_" out of what it is given, and keeps the rest
    except (TypeError, KeyError) as error:
        raise ConfigError(f'config "{file}": its options cannot be applied: {error}') from error


def _refuse_argument(cfg: Config, key: str, file: str) -> None:
    """Refuse what no dataloader takes, which a tool that builds its dataset alone would pass over."""
    loader, _, rest = key.partition('.')
    given = cfg.get(loader) or {}
    if not loader.endswith('_dataloader') or not rest or not isinstance(given, dict):
        return
    known = {*given, *inspect.signature(DataLoader.__init__).parameters, 'num_batch_per_epoch',
             '_delete_'} - {'self'}
    name = rest.split('.')[0]
    if name not in known:
        raise ConfigError(f'config "{file}": the option {key} gives {loader} "{name}", which it does not '
                          f'take.{did_you_mean(name, known)}')


def _refuse_text(cfg: Config, key: str, value: Any, file: str) -> None:
    """Refuse a number in text form in a number's place, such as YAML's 2e-3, which has no point."""
    if not isinstance(value, str):
        return
    place: Any = cfg
    try:
        for part in key.split('.'):
            place = place[int(part) if isinstance(place, (list, tuple)) else part]
        number = float(value)
    except (KeyError, IndexError, TypeError, ValueError):  # nothing there yet, or no number
        return
    if isinstance(place, (int, float)) and not isinstance(place, bool):
        raise ConfigError(f'config "{file}": the option {key} is the text {value!r}, where there was the number '
                          f'{place}. Drop the quotes; YAML wants a point in it, as in {number:.1e}.')


def digest_of(value: Any) -> str:
    """Sixteen digits that tell one value of a config from another, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
