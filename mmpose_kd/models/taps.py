"""Record what one forward pass of a pose estimator produced."""
import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, Iterator, Tuple

from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, did_you_mean

_PATH = re.compile(r'^(?P<name>[A-Za-z_][\w.]*)(?P<indices>(\[-?\d+\])*)$')


@dataclass
class Record:
    """What one forward pass produced.

    Args:
        feats (tuple[Tensor]): What the head received.
        outputs (Tensor | tuple[Tensor]): What the head returned: heatmaps
            (N, K, H, W), or the SimDR logits (N, K, Wx) and (N, K, Wy).
        taps (dict[str, Any]): Output of each tapped module by its path, such
            as ``{'backbone.stage3[0]': Tensor}``.
    """
    feats: Any = None
    outputs: Any = None
    taps: Dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, path: str) -> Any:
        """The recorded value at a path: ``'feats[-1]'``, ``'outputs[0]'`` or a tap."""
        if path in self.taps:
            return self.taps[path]
        name, indices = parse_path(path)
        if name not in ('feats', 'outputs'):
            raise KeyError(f'{path!r} was not recorded; recorded: {sorted(self.taps)}, feats, outputs')
        return _index(getattr(self, name), indices, path)


def parse_path(path: str) -> Tuple[str, Tuple[int, ...]]:
    """Split a tap path into a dotted name and the indices into its output.

    Args:
        path (str): ``'backbone.stage3[0]'`` or ``'feats[-1]'``.

    Returns:
        tuple[str, tuple[int]]: ``('backbone.stage3', (0,))``.

    Raises:
        ConfigError: The path is not of that form.

    Example:
        >>> parse_path('backbone.stage4.2.branches.3[-1]')
        ('backbone.stage4.2.branches.3', (-1,))
    """
    match = _PATH.match(path) if isinstance(path, str) else None
    if match is None:
        raise ConfigError(f'tap {path!r} is not a path: expected a dotted module name with optional indices into its '
                          'output, such as "backbone.stage3[0]", "feats[-1]" or "outputs[0]".')
    return match['name'], tuple(int(i) for i in re.findall(r'-?\d+', match['indices']))


def _index(value: Any, indices: Tuple[int, ...], path: str) -> Any:
    for index in indices:
        if isinstance(value, Tensor) or not isinstance(value, (list, tuple)):
            raise ConfigError(f'tap "{path}": the output is a {type(value).__name__}'
                              f'{f" of shape {tuple(value.shape)}" if isinstance(value, Tensor) else ""}, '
                              f'not a list, so the index [{index}] must be dropped.')
        if not -len(value) <= index < len(value):
            raise ConfigError(f'tap "{path}": index {index} is out of range, the output has {len(value)} entries.')
        value = value[index]
    return value
