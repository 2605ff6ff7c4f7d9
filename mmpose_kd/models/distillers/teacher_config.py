"""Read and check what a config says of a teacher."""
import importlib.util
import os.path as osp
from typing import Any, Dict, Optional, Sequence, Union

import torch
from mmengine.config import Config
from mmpose.registry import DATASETS
from torch import Tensor, nn

from mmpose_kd.config import check_model, read_config
from mmpose_kd.errors import ConfigError, is_count

_EXTRAS = {'mmpretrain': 'vit'}  # extras of ours by the package that they install
PRECISIONS = {'fp32': torch.float32, 'fp16': torch.float16, 'bf16': torch.bfloat16}


def check_teacher(config: Any,
                  checkpoint: Optional[str] = None,
                  allow_random_weights: bool = False,
                  precision: str = 'fp32',
                  input_size: Optional[Sequence[int]] = None,
                  **others: Any) -> None:
    """Refuse a teacher whose arguments cannot work, before any file is read; the arguments are :class:`Teacher`'s.

    Raises:
        ConfigError: An argument is of the wrong kind, or there are neither weights nor leave to do without.
    """
    if not isinstance(config, (str, dict, Config)):
        raise ConfigError(f'config={config!r}: expected a path, "mmpose::..." or a dict.')
    if isinstance(config, str) and '://' in config:
        raise ConfigError(f'config="{config}": a config is Python code, and none is run from the network. Download it, '
                          'read it, and give its path.')
    if checkpoint is None and not allow_random_weights:
        raise ConfigError('no checkpoint is given, and a teacher with random weights teaches nothing. Set '
                          'checkpoint="path or URL", or allow_random_weights=True in a test.')
    if checkpoint is not None and not isinstance(checkpoint, str):
        raise ConfigError(f'checkpoint={checkpoint!r}: expected a path or a URL.')
    if checkpoint is not None and allow_random_weights:
        raise ConfigError('checkpoint and allow_random_weights=True contradict each other; drop one.')
    if precision not in PRECISIONS:
        raise ConfigError(f'precision={precision!r}: expected one of {", ".join(PRECISIONS)}.')
    for name in ('compile', 'channels_last', 'report_metric'):
        if not isinstance(others.get(name, False), bool):
            raise ConfigError(f'{name}={others[name]!r}: expected True or False.')
    if not isinstance(others.get('cache', ''), str):
        raise ConfigError(f'cache={others["cache"]!r}: expected the path of a folder.')
    if input_size is not None and not (
            isinstance(input_size, (list, tuple)) and len(input_size) == 2 and all(map(is_count, input_size))):
        raise ConfigError(f'input_size={input_size!r}: expected width and height in pixels, such as (192, 256). '
                          'Without it the size is that of the teacher\'s codec.')


def find_file(path: str, folder: Optional[str]) -> str:
    """A path as given, relative to the config file's folder or to the working directory; URLs pass through.

    Returns:
        str: The first of these that exists, else the path as given.
    """
    if '://' in path or '::' in path or osp.isabs(path):
        return path
    candidates = [osp.join(folder, path)] if folder else []
    return next((osp.abspath(c) for c in [*candidates, path] if osp.isfile(c)), path)


def load_teacher_config(config: Union[str, dict, Config], folder: Optional[str] = None) -> Config:
    """The teacher's whole config, from a path, ``'mmpose::...'`` or a dict.

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


def check_packages(model: Any) -> None:
    """Refuse a model with a part of an OpenMMLab package that is not installed, such as ViTPose's backbone.

    Args:
        model (dict): The model's config. A part of another package has its name before the type's, as in
            ``'mmpretrain.VisionTransformer'``.

    Raises:
        ConfigError: The package cannot be imported.
    """
    for value in model.values() if isinstance(model, dict) else model if isinstance(model, (list, tuple)) else ():
        check_packages(value)
    if isinstance(model, dict) and isinstance(model.get('type'), str):
        package, dot, name = model['type'].partition('.')
        if dot and importlib.util.find_spec(package) is None:
            install = f"pip install 'mmpose_kd[{_EXTRAS[package]}]'" if package in _EXTRAS else f'mim install {package}'
            raise ConfigError(f'{name} is a part of the package "{package}", which is not installed: {install}.')


def load_strictly(model: nn.Module, state: Dict[str, Tensor], source: str) -> None:
    """Load weights that must fit the model exactly.

    Args:
        model (nn.Module): The model.
        state (dict[str, Tensor]): Its weights. BatchNorm's step counters may be missing: they play no part in use.
        source (str): Where the weights come from, for the error.

    Raises:
        ConfigError: A key is missing, unexpected or of another shape.
    """
    wanted = model.state_dict()
    missing = [k for k in wanted if k not in state and not k.endswith('num_batches_tracked')]
    unexpected = [k for k in state if k not in wanted]
    shapes = [k for k in wanted if k in state and state[k].shape != wanted[k].shape]
    if missing or unexpected or shapes:
        problems = []
        if missing:
            problems.append(f'{len(missing)} missing keys, first: {", ".join(missing[:3])}')
        if unexpected:
            problems.append(f'{len(unexpected)} unexpected keys, first: {", ".join(unexpected[:3])}')
        if shapes:
            k = shapes[0]
            problems.append(f'{len(shapes)} shapes differ, first: {k} is {tuple(state[k].shape)} in the checkpoint and '
                            f'{tuple(wanted[k].shape)} in the model')
        raise ConfigError(f'checkpoint "{source}" does not fit the config of {type(model).__name__}: '
                          f'{"; ".join(problems)}. Use the config that the checkpoint was trained with.')
    model.load_state_dict(state, strict=False)


def dataset_meta(cfg: Config) -> Optional[dict]:
    """The metainfo of the data that a config names, raw; None where it names none."""
    for loader in ('test_dataloader', 'val_dataloader', 'train_dataloader'):
        dataset = (cfg.get(loader) or {}).get('dataset')
        while dataset is not None:
            if dataset.get('metainfo'):
                return dataset['metainfo']
            cls = DATASETS.get(dataset['type']) if isinstance(dataset.get('type'), str) else dataset.get('type')
            if getattr(cls, 'METAINFO', None):
                return cls.METAINFO
            dataset = dataset.get('dataset')
    return None
