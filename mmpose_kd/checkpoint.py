"""Loading checkpoints that somebody else made, without running what somebody else wrote."""
import _codecs
import _compat_pickle
import difflib
import hashlib
import pickle
import re
import types
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, Optional
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.utils import digit_version
from torch import Tensor, nn

from .errors import ConfigError, first_line

# PyTorch < 2.6 takes no additions by name to what ``weights_only`` allows.
WEIGHTS_ONLY = digit_version(torch.__version__) >= digit_version('2.6')

# How PyTorch's and OpenMMLab's published checkpoints end, such as -36af842e.pth and -81c58e40_20220909.pth; eight
# digits alone may be a date.
_CONTENT_HASH = re.compile(r'-(?=\d*[a-f])[0-9a-f]{8}(_\d{8})?\.\w+$')

# What PyTorch says of weights of another shape.
_SHAPES = re.compile(r'size mismatch for (\S+): copying a param with shape torch\.Size\(\[(.*?)\]\) from checkpoint, '
                     r'the shape in current model is torch\.Size\(\[(.*?)\]\)')

# What MMEngine pickles by ``getattr(class, name)``: the message hub's statistics and a scheduler's annealing function.
_METHODS = {
    HistoryBuffer: ('min', 'max', 'current', 'mean'),
    OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear'),
}


def _getattr(owner: Any, name: str) -> Any:
    """Stand in for the builtin, which would reach everything."""
    if owner not in _METHODS or name not in _METHODS[owner]:
        raise pickle.UnpicklingError(f'GLOBAL builtins.getattr is not allowed to take {name!r} of {owner!r}')
    return getattr(owner, name)


def _bytes() -> bytes:
    """Stand in for the builtin: what protocol 2 makes of no bytes, such as those of an empty array."""
    return b''


def safe_globals() -> List[Any]:
    """What an MMEngine checkpoint holds besides tensors and plain containers.

    Returns:
        list[tuple]: Pairs of an object and its name in the pickle, as
        ``torch.serialization.add_safe_globals`` takes them.
    """
    reconstruct = np.zeros(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    pairs = [
        (_getattr, 'builtins.getattr'),
        (_bytes, 'builtins.bytes'),
        (HistoryBuffer, 'mmengine.logging.history_buffer.HistoryBuffer'),
        (OneCycleParamScheduler, 'mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler'),
        (np.ndarray, 'numpy.ndarray'),
        (np.dtype, 'numpy.dtype'),
        (_codecs.encode, '_codecs.encode'),  # bytes, such as those of a NumPy scalar
        (Counter, 'collections.Counter'),
    ]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):  # NumPy 1 and 2
        pairs += [(reconstruct, f'{module}._reconstruct'), (scalar, f'{module}.scalar')]
    codes = '?SUMm' + np.typecodes['AllInteger'] + np.typecodes['AllFloat']
    dtypes = {type(np.dtype(code)) for code in codes}
    return pairs + [(dtype, f'{dtype.__module__}.{dtype.__name__}') for dtype in dtypes]


def load_checkpoint(source: str, map_location: Any = 'cpu') -> Dict[str, Any]:
    """Load a checkpoint; no code that it may contain is run.

    Args:
        source (str): A file, or a URL, which is downloaded once into
            PyTorch's hub cache.
        map_location (str | torch.device): See :func:`torch.load`.
            Default: 'cpu'.

    Returns:
        dict: All that the file holds.

    Raises:
        ConfigError: The file does not exist, may not be read, is truncated,
            contains code or holds no weights; or the URL cannot be downloaded.

    Example::

        checkpoint = load_checkpoint('work_dirs/teacher/epoch_210.pth')
        model.load_state_dict(state_dict_of(checkpoint))
    """
    path = _download(source) if '://' in source else Path(source).expanduser().absolute()
    if not path.is_file():
        raise ConfigError(f'checkpoint "{path}" {"is a folder" if path.is_dir() else "does not exist"}.{_hint(path)}')
    cached = f' It is the cached copy of {source}.' if '://' in source else ''
    try:
        is_code = _is_torchscript(path)  # which PyTorch < 2.6 would run, whatever it is told
        checkpoint = {} if is_code else _load(path, map_location)
    except PermissionError as error:  # there is nothing wrong with the file
        raise ConfigError(f'checkpoint "{path}" may not be read: {error.strerror}. Ask its owner for the permission, '
                          'or give a copy of yours.') from None
    except Exception as error:  # a broken archive or pickle can raise any
        refused = re.search(r'GLOBAL (\S+)', str(error))
        if refused:
            raise ConfigError(
                f'checkpoint "{path}" contains code: it asks for "{refused.group(1)}", which is neither a tensor nor '
                f'what MMEngine saves, and is not loaded.{cached} If you trust whoever made the file, save its '
                'state_dict alone to a new file and give that one.') from error
        raise ConfigError(
            f'checkpoint "{path}" ({path.stat().st_size} bytes) cannot be read: it is truncated, or torch.save did not '
            f'write it.{cached} Delete it and copy or download it again. ({first_line(error)})') from error
    if is_code:
        raise ConfigError(f'checkpoint "{path}" is a TorchScript archive, which is code, and is not loaded.{cached} '
                          'Give the checkpoint that it was made of.')
    try:
        state_dict_of(checkpoint)
    except ConfigError as error:
        raise ConfigError(f'checkpoint "{path}": {error}{cached}') from None
    return checkpoint


def state_dict_of(checkpoint: Dict[str, Any]) -> Dict[str, Tensor]:
    """The weights of a checkpoint.

    MMEngine's EMAHook saves the averaged weights under ``'state_dict'``: they
    are what is returned.

    Args:
        checkpoint (dict): A checkpoint with a ``'state_dict'``, or a bare
            state dict.

    Returns:
        dict[str, Tensor]: The weights, without the ``'module.'`` that
        DataParallel puts before each name.

    Raises:
        ConfigError: There are no tensors.
    """
    state = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, dict) else checkpoint
    if not isinstance(state, dict) or not any(isinstance(value, Tensor) for value in state.values()):
        keys = f' with the keys {list(checkpoint)[:8]}' if isinstance(checkpoint, dict) else ''
        raise ConfigError('it holds no weights. Expected a state dict, or a dict with one under "state_dict"; '
                          f'found a {type(checkpoint).__name__}{keys}.')
    if all(str(name).startswith('module.') for name in state):
        return {name[len('module.'):]: value for name, value in state.items()}
    return dict(state)


def dataset_meta_of(checkpoint: Dict[str, Any]) -> Optional[dict]:
    """What a checkpoint says of the keypoints that it was trained on.

    Args:
        checkpoint (dict): As :func:`load_checkpoint` returns it.

    Returns:
        dict | None: None where it says nothing, or only names a file (``from_file``): that would be run as Python code.
    """
    meta = checkpoint.get('meta')
    found = meta.get('dataset_meta') if isinstance(meta, dict) else None
    return found if isinstance(found, dict) and isinstance(found.get('keypoint_id2name'), dict) else None


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith('/constants.pkl') for name in archive.namelist())


def _load(path: Path, map_location: Any) -> Any:
    if WEIGHTS_ONLY:
        torch.serialization.add_safe_globals(safe_globals())
        return torch.load(str(path), map_location=map_location, weights_only=True)
    return torch.load(str(path), map_location=map_location, pickle_module=_pickle_module(), weights_only=False)


def _pickle_module() -> types.SimpleNamespace:
    """A ``pickle`` that knows what ``weights_only`` allows, and :func:`safe_globals`."""
    allowed = dict(torch._weights_only_unpickler._get_allowed_globals())
    allowed.update({name: value for value, name in safe_globals()})

    class Unpickler(pickle.Unpickler):

        def find_class(self, module: str, name: str) -> Any:
            module, name = _compat_pickle.NAME_MAPPING.get(
                (module, name), (_compat_pickle.IMPORT_MAPPING.get(module, module), name))
            if f'{module}.{name}' not in allowed:
                raise pickle.UnpicklingError(f'GLOBAL {module}.{name} is not allowed')
            return allowed[f'{module}.{name}']

    return types.SimpleNamespace(
        __name__='restricted_pickle',
        Unpickler=Unpickler,
        load=lambda file, **kwargs: Unpickler(file, **kwargs).load())


def _download(url: str) -> Path:
    path = Path(torch.hub.get_dir()) / 'checkpoints' / _cached_name(url)
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), progress=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(f'checkpoint {url} cannot be downloaded: {first_line(error)}. Check the address and the '
                              'network, or download it elsewhere and give its path.') from error
    return path


def _cached_name(url: str) -> str:
    """The name of a download: that of the URL where it has a hash of the content, else with a hash of the URL."""
    path = Path(urlparse(url).path)
    if _CONTENT_HASH.search(path.name):
        return path.name
    return f'{path.stem}_{hashlib.sha256(url.encode()).hexdigest()[:8]}{path.suffix}'


def _hint(path: Path) -> str:
    """What lies where the file was expected."""
    if not path.parent.is_dir():
        return f' Its folder "{path.parent}" does not exist either; was the training run that writes it finished?'
    folder = path if path.is_dir() else path.parent
    names = sorted(p.name for p in folder.iterdir() if p.suffix in ('.pth', '.pt', '.bin', '.ckpt'))
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5) or names[:5]
    return f' In "{folder}" there are: {", ".join(near)}.' if near else f' There are no checkpoints in "{folder}".'


def last_checkpoint(folder: Path) -> Optional[Path]:
    """The checkpoint that a training ended with.

    Args:
        folder (Path): Its work folder, which may have been moved since.

    Returns:
        Path: The file; None where it is not in the folder, and not an older one in its place.
    """
    pointer = folder / 'last_checkpoint'
    if pointer.is_file():
        named = folder / Path(pointer.read_text().strip()).name
        return named if named.is_file() else None
    numbered = {int(found[1]): file for file in folder.glob('*.pth')
                if (found := re.fullmatch(r'(?:epoch|iter)_(\d+)', file.stem))}
    return numbered[max(numbered)] if numbered else None


def load_strictly(model: nn.Module, state: Dict[str, Tensor], source: str, part: str = '') -> None:
    """Load weights that must fit the model exactly.

    The model's own hooks rename them first: half of the checkpoints that MMPose 1.3 links to are of versions
    before 1.0, which called some parts otherwise (``keypoint_head``).

    Args:
        model (nn.Module): The model.
        state (dict[str, Tensor]): Its weights. BatchNorm's step counters may be missing: they play no part in use.
        source (str): Where the weights come from, for the error.
        part (str): The part of a larger model that it is, for the error. Default: none.

    Raises:
        ConfigError: A key is missing, unexpected or of another shape.
    """
    found: List[Any] = []
    handle = model.register_load_state_dict_post_hook(lambda _, keys: found.append(keys))  # before shapes are an error
    problems = []
    try:
        model.load_state_dict(state, strict=False)
    except (RuntimeError, AssertionError, ValueError) as error:  # the last two: of hooks that rename
        shapes = _SHAPES.findall(str(error))
        problems.append('{} shapes differ, first: {} is ({}) in the checkpoint and ({}) in the model'.format(
            len(shapes), *shapes[0]) if shapes else first_line(error))
    finally:
        handle.remove()
    for keys in found[-1:]:
        missing = [key for key in keys.missing_keys if not key.endswith('num_batches_tracked')]
        for kind, names in (('missing', missing), ('unexpected', keys.unexpected_keys)):
            if names:
                problems.append(f'{len(names)} {kind} keys, first: {", ".join(names[:3])}')
    if problems:
        prefix = _prefix_of([*model.state_dict()], state)
        advice = (f'They are there with the prefix "{prefix}": save those alone, without it.' if prefix else
                  'Use the config that the checkpoint was trained with.')
        raise ConfigError(f'checkpoint "{source}" does not fit the config of {part or type(model).__name__}: '
                          f'{"; ".join(problems)}. {advice}')


def _prefix_of(names: List[str], state: Dict[str, Tensor]) -> str:
    """What stands before all of the names in the keys of a checkpoint, such as ``teacher.``; '' for nothing."""
    found = [key[:-len(names[0])] for key in state if names and key.endswith(f'.{names[0]}')]
    return next((prefix for prefix in found if all(prefix + name in state for name in names)), '')
