"""Check what a config says of a teacher."""
from typing import Any, Optional, Sequence

import torch
from mmengine.config import Config

from mmpose_kd.errors import ConfigError, is_count

_NAMES = ('from_file', 'keypoint_info', 'keypoint_id2name')  # what metainfo may name its keypoints by
PRECISIONS = {'fp32': torch.float32, 'fp16': torch.float16, 'bf16': torch.bfloat16}


def check_teacher(config: Any,
                  checkpoint: Optional[str] = None,
                  allow_random_weights: bool = False,
                  precision: str = 'fp32',
                  input_size: Optional[Sequence[int]] = None,
                  metainfo: Optional[dict] = None,
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
    flags = {'allow_random_weights': allow_random_weights, **others}
    for name in ('allow_random_weights', 'compile', 'channels_last', 'report_metric'):
        if not isinstance(flags.get(name, False), bool):
            raise ConfigError(f'{name}={flags[name]!r}: expected True or False.')
    if checkpoint is None and not allow_random_weights:
        raise ConfigError('no checkpoint is given, and a teacher with random weights teaches nothing. Set '
                          'checkpoint="path or URL", or allow_random_weights=True in a test.')
    if checkpoint is not None and not isinstance(checkpoint, str):
        raise ConfigError(f'checkpoint={checkpoint!r}: expected a path or a URL.')
    if checkpoint is not None and allow_random_weights:
        raise ConfigError('checkpoint and allow_random_weights=True contradict each other; drop one.')
    if precision not in PRECISIONS:
        raise ConfigError(f'precision={precision!r}: expected one of {", ".join(PRECISIONS)}.')
    if not isinstance(others.get('cache', ''), str):
        raise ConfigError(f'cache={others["cache"]!r}: expected the path of a folder.')
    if input_size is not None and not (
            isinstance(input_size, (list, tuple)) and len(input_size) == 2 and all(map(is_count, input_size))):
        raise ConfigError(f'input_size={input_size!r}: expected width and height in pixels, such as (192, 256). '
                          'Without it the size is that of the teacher\'s codec.')
    if metainfo is not None and not (isinstance(metainfo, dict) and any(key in metainfo for key in _NAMES)
                                     and isinstance(metainfo.get('keypoint_id2name', {}), dict)):
        raise ConfigError(f'metainfo={metainfo!r}: expected a dict that names keypoints, such as '
                          'dict(from_file="configs/_base_/datasets/coco.py"). Without it the names are those of the '
                          "teacher's checkpoint or config.")
