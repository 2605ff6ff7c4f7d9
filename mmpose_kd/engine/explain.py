"""Say which place of a config an error of MMEngine, MMPose or PyTorch comes from."""
import inspect
import pickle
import re
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import build_functions
from mmengine.runner import Runner
from mmpose.registry import HOOKS, TRANSFORMS
from torch import nn

from mmpose_kd.errors import ConfigError, check_arguments, first_line
from mmpose_kd.models.taps import shapes
from mmpose_kd.parts import class_of, dicts, kind_of

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_CODE = build_functions.build_from_cfg.__code__
_RUNNER = inspect.getfile(Runner)
_READ_BY = {  # parts of a config by the method of MMEngine's runner that reads them
    'setup_env': 'env_cfg', 'scale_lr': 'auto_scale_lr', 'build_visualizer': 'visualizer',
    'register_default_hooks': 'default_hooks', 'register_custom_hooks': 'custom_hooks',
    '_check_scheduler_cfg': 'param_scheduler', 'build_param_scheduler': 'param_scheduler',
    'build_train_loop': 'train_cfg', 'build_val_loop': 'val_cfg', 'build_optim_wrapper': 'optim_wrapper',
}


@contextmanager
def explained(cfg: Config, iteration: Callable[[], int] = lambda: 0) -> Iterator[None]:
    """Turn an error that a config leads to into a :class:`ConfigError` that names the place.

    The first error stays its cause. After the first step an error is none of the config's and passes unchanged.

    Args:
        cfg (Config): The config of the run.
        iteration (Callable): Returns how many steps are done. Default: none.

    Raises:
        ConfigError: What is inside has failed.
    """
    try:
        yield
    except ConfigError:
        raise
    except (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NotImplementedError, OSError,
            RuntimeError, TypeError, ValueError, pickle.UnpicklingError) as error:
        text = None if iteration() or isinstance(error, torch.cuda.OutOfMemoryError) else explain(error, cfg)
        if text is None:
            raise
        raise ConfigError(text) from error


def explain(error: BaseException, cfg: Config) -> Optional[str]:
    """The place of a config that an error comes from, and the error.

    Args:
        error (BaseException): As caught, with its traceback.
        cfg (Config): The config of the run.

    Returns:
        str, optional: None where the traceback leads to no part that the config names.
    """
    frames = list(_frames(error))
    if re.search('Annotation file `|occurs when loading', str(error)):  # explained to whoever reads their message
        return None
    if isinstance(error, OSError):
        return _of_file(error, cfg)
    if isinstance(error, pickle.UnpicklingError):
        return _of_checkpoint(error, frames)
    for code, variables in reversed(frames):
        text = None
        if code is _CODE:
            text = _of_building(error, cfg, variables)
        elif isinstance(variables.get('self'), BaseTransform):
            text = _of_transform(error, cfg, variables['self'])
        elif isinstance(variables.get('self'), Hook):
            text = _of_hook(error, cfg, variables['self'])
        elif isinstance(variables.get('self'), nn.Module):
            text = _of_module(error, cfg, variables, frames)
        if text is not None:
            return text
    for code, variables in reversed(frames):
        if code.co_filename == _RUNNER:
            text = _of_runner(error, cfg, code.co_name, variables)
            if text is not None:
                return text
    keys = [key for key in cfg if not callable(cfg[key]) and re.search(rf'\b{re.escape(key)}\b', str(error))]
    return f'{keys[0]}: {first_line(error)}' if keys else None


def _frames(error: BaseException) -> Iterator[Tuple[Any, Dict[str, Any]]]:
    cause: Optional[BaseException] = error
    while cause is not None:
        traceback = cause.__traceback__
        while traceback is not None:
            yield traceback.tb_frame.f_code, traceback.tb_frame.f_locals
            traceback = traceback.tb_next
        cause = cause.__context__  # MMEngine hides where a hook failed by raising "from None"


def _of_file(error: OSError, cfg: Config) -> Optional[str]:
    """A path in the config."""
    for place, part in dicts(cfg.to_dict(), ''):
        for key, value in part.items():
            if isinstance(value, str) and len(value) > 1 and re.search(rf'{re.escape(value)}\W*( |$)', str(error)):
                return f'{place}.{key}={value!r}: {first_line(error)} Correct the path.'.lstrip('.')
    return None


def _of_runner(error: BaseException, cfg: Config, method: str, variables: Dict[str, Any]) -> Optional[str]:
    """What the runner was about to read."""
    if '`epoch_length` must be a positive integer' in str(error):  # of a scheduler that is asked to count in steps
        return no_batch(variables['self'].train_dataloader)
    key = _READ_BY.get(method)
    if method == 'build_dataloader':
        key = next((key for key in _LOADERS if cfg.get(key) == variables.get('dataloader')), None)
    if key is None or key not in cfg:
        return None
    given = cfg.get(key)
    given = _short(given) if isinstance(given, dict) else repr(given)
    return f'{key}: cannot be used as given, {given}: {first_line(error)}'


def _of_checkpoint(error: BaseException, frames: List) -> Optional[str]:
    """A file that MMEngine loads: load_from, resume or init_cfg."""
    file = next((v['filename'] for _, v in frames if isinstance(v.get('filename'), str)), None)
    asked = re.search(r'GLOBAL (\S+)', str(error))
    if file is None:
        return None
    why = f'contains code: it asks for "{asked[1]}", which is neither a tensor nor what MMEngine saves' if asked else (
        'cannot be read: it is truncated, or torch.save did not write it')
    return (f'checkpoint "{file}" {why}, and is not loaded. It is named by load_from, resume or an init_cfg: '
            'give a file that holds a state_dict alone.')


def _of_building(error: BaseException, cfg: Config, variables: Dict[str, Any]) -> Optional[str]:
    place, given = _place(cfg, variables.get('cfg'))
    if place is None:
        return None
    cls, args = variables.get('obj_cls'), variables.get('args', {})
    if cls is None:
        return f'{place}: {first_line(error)}'
    if isinstance(error, TypeError) and 'argument' in str(error):
        try:
            check_arguments(cls, args, place)
        except ConfigError as better:
            return str(better)
    if has_no_sample(error):
        return (f'{place}: {cls.__name__} has no sample: ann_file={given.get("ann_file")!r} holds no person with a box '
                'and a labelled joint. Is it the right file?')
    return f'{place}: {cls.__name__} cannot be built from {_short(given)}: {first_line(error)}'


def _of_transform(error: BaseException, cfg: Config, transform: BaseTransform) -> Optional[str]:
    for loader in _LOADERS:
        for place, part in dicts(cfg.get(loader), loader):
            if class_of(TRANSFORMS, part) is type(transform):
                return (f'{place}: {type(transform).__name__}, built from {_short(part)}, fails on the first sample: '
                        f'{first_line(error)}')
    return None


def _of_hook(error: BaseException, cfg: Config, hook: Hook) -> Optional[str]:
    """The hook that fails before or in the first step."""
    for key in ('default_hooks', 'custom_hooks'):
        for place, part in dicts(cfg.get(key), key):
            if class_of(HOOKS, part) is type(hook):
                return f'{place}: {kind_of(part)} fails, which was built from {_short(part)}: {first_line(error)}'
    return None


def _of_module(error: BaseException, cfg: Config, variables: Dict[str, Any], frames: List) -> Optional[str]:
    """The backbone, neck or head that fails in the first forward pass."""
    module = variables['self']
    modules = [v['self'] for _, v in frames if isinstance(v.get('self'), nn.Module)]
    # in vars: a wrapper that is not built yet, such as FSDP's, asks itself for what it has not for ever
    model = next((m for m in modules if 'backbone' in vars(m).get('_modules', ())), None)
    part = next((name for name in ('backbone', 'neck', 'head') if getattr(model, name, None) is module), None)
    given = cfg.get('model', {}).get(part) if part else None
    if given is None:
        return None
    text = f'model.{part}: {type(module).__name__} fails in the first step: {first_line(error)}'
    channels = re.search(r'to have (\d+) channels, but got (\d+) channels', str(error))
    for key, value in given.items():
        if channels and value == int(channels[1]):
            return f'{text}. model.{part}.{key}={value} given, but the features have {channels[2]} channels.'
    received = [f'{name} {shapes(variables[name])}' for name in ('x', 'feats', 'inputs') if name in variables]
    return f'{text}. It received {", ".join(received) or "nothing"}, and was built from {_short(given)}.'


def _place(cfg: Config, given: Any) -> Tuple[Optional[str], Dict[str, Any]]:
    """Place and content of a part of the config: of those of the same type that which shares the most with a dict."""
    best, place, found = -1, None, {}
    for name, part in dicts(cfg.to_dict(), ''):
        if isinstance(given, dict) and 'type' in part and kind_of(part) == kind_of(given):
            same = sum(key in given and given[key] == value for key, value in part.items())
            if same > best:
                best, place, found = same, name.lstrip('.'), part
    return place, found


def _short(args: Dict[str, Any]) -> str:
    hidden = ('type', 'train_cfg', 'test_cfg')
    text = ', '.join(f'{key}={value!r}' for key, value in args.items() if key not in hidden)
    return text if len(text) < 400 else f'{text[:400]} ...'


def has_no_sample(error: BaseException) -> bool:
    """Whether it is what MMEngine raises for a dataset without a sample."""
    return 'need at least one array to concatenate' in str(error)


def no_batch(loader: Any) -> str:
    """Why a loader has no batch to train on."""
    samples, batch_size = len(loader.dataset), getattr(loader, 'batch_size', None)
    why = (f'and drop_last=True drops what is less than batch_size={batch_size}'
           if samples else 'so there is nothing to train on: is its annotation file the right one?')
    return f'train_dataloader gives no batch: its dataset has {samples} samples, {why}'
