"""Record what one forward pass of a pose estimator produced."""
import re
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Callable, ContextManager, Dict, Iterable, Iterator, List, Optional, Tuple

import torch
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, did_you_mean

from .outputs import pose_head

_PATH = re.compile(r'^(?P<name>[A-Za-z_][\w.]*)(?P<indices>(\[-?\d+\])*)$')
_RECORDED = ('feats', 'outputs')  # what a record holds without a tap


@dataclass
class Record:
    """What one forward pass produced.

    Args:
        feats (tuple[Tensor]): What the head received.
        outputs (Tensor | tuple[Tensor]): What the head returned: heatmaps
            (N, K, H, W), or the SimDR logits (N, K, Wx) and (N, K, Wy).
        taps (dict[str, Any]): Output of each tapped module by its path, such
            as ``{'backbone.stage3[0]': Tensor}``.
        cells (Cells, optional): Where the cells or bins of a teacher's
            outputs lie; None: in the student's input, as its own do.
    """
    feats: Any = None
    outputs: Any = None
    taps: Dict[str, Any] = field(default_factory=dict)
    cells: Any = None

    def __getitem__(self, path: str) -> Any:
        """The recorded value at a path: ``'feats[-1]'``, ``'outputs[0]'`` or a tap."""
        if path in self.taps:
            return self.taps[path]
        name, indices = parse_path(path)
        if name not in _RECORDED:
            raise KeyError(f'{path!r} was not recorded; recorded: {sorted(self.taps)} and {_RECORDED}')
        if getattr(self, name) is None:
            raise ConfigError(f'tap "{path}": nothing was recorded, as the loss of the head does not call its forward '
                              'method. Tap modules of the backbone or the neck instead.')
        return _index(getattr(self, name), indices, path)

    def detach(self) -> 'Record':
        """The same record without gradients."""
        return Record(*(_map(torch.Tensor.detach, value) for value in (self.feats, self.outputs, self.taps)))


class Recorder:
    """Records chosen module outputs and the head's input and output of a pose estimator.

    The forward hooks exist only inside :meth:`record`: a model in evaluation or export never carries one. Those of a
    compiled teacher stay.

    Args:
        model (nn.Module): The pose estimator, with a ``head``.
        paths (Iterable[str]): Taps such as ``'backbone.stage3[0]'``: a dotted module name, and indices into its output.
        where (str): The place in the config that the errors name, such as ``'student_taps'``.

    Raises:
        ConfigError: A path names no module of the model.

    Example:
        >>> from mmpose.models import ResNet
        >>> model = nn.ModuleDict(dict(backbone=ResNet(depth=18)))
        >>> with Recorder(model, ['backbone.layer3'], 'student_taps').record() as record:
        ...     feats = model.backbone(torch.rand(2, 3, 64, 48))
        >>> record['backbone.layer3'].shape
        torch.Size([2, 256, 4, 3])
    """

    def __init__(self, model: nn.Module, paths: Iterable[str], where: str) -> None:
        self.model = model
        self.where = where
        self.taps: Dict[str, List[Tuple[str, Tuple[int, ...]]]] = {}  # module name -> [(path, indices)]
        modules = {name for name, _ in model.named_modules() if name and not name.startswith('objectives')}
        for path in dict.fromkeys(paths):
            try:
                name, indices = parse_path(path)
            except ConfigError as error:
                raise ConfigError(f'{where}: {error}') from None
            if name in _RECORDED:
                continue
            if name not in modules:
                raise ConfigError(f'{where}: "{name}" is no module of {type(model).__name__}.'
                                  f'{did_you_mean(name, modules)} An index in brackets picks an entry of the module\'s '
                                  'output; a child module is named with a dot.')
            self.taps.setdefault(name, []).append((path, indices))
        self._current: Optional[Record] = None  # where hooks that stay write to
        self._stay = False

    def keep_hooks(self) -> None:
        """Leave the hooks on the modules: ``torch.compile`` takes those into its graph that are there when it runs."""
        self._stay = True
        for name, taps in self.taps.items():
            self.model.get_submodule(name).register_forward_hook(_tap(lambda: self._current, name, taps))

    @contextmanager
    def record(self) -> Iterator[Record]:
        """Record everything that the model computes inside this context."""
        record = self._current = Record()
        versions: Dict[str, List[int]] = {}
        handles = [] if self._stay else [
            self.model.get_submodule(name).register_forward_hook(_tap(lambda: record, name, taps, versions))
            for name, taps in self.taps.items()
        ]
        head = pose_head(getattr(self.model, 'head', None))
        heard: ContextManager[List[Record]] = nullcontext([]) if head is None else record_head(head)
        try:
            with heard as runs:
                yield record
        finally:
            self._current = None
            for handle in handles:
                handle.remove()
        for run in runs:
            record.feats, record.outputs = run.feats, run.outputs
        missing = [path for taps in self.taps.values() for path, _ in taps if path not in record.taps]
        if missing and self._stay:
            raise ConfigError(f'tap "{missing[0]}": PyTorch {torch.__version__} leaves it out of what it compiles. '
                              'Drop compile=True, or use a newer PyTorch.')
        if missing:
            raise ConfigError(f'{self.where}: tap "{missing[0]}": the module did not run in the forward pass, so '
                              'nothing was recorded. MMPose calls a method of its head: "outputs" is what that '
                              'returns, and "feats" what it receives; else tap the module around it.')
        changed = [path for path, recorded in versions.items() if _versions(record.taps[path]) != recorded]
        if changed:
            raise ConfigError(f'{self.where}: tap "{changed[0]}": the model changed this output in place after the '
                              'module returned it, as a ReLU with inplace=True or "+=" does, so that it is another '
                              'value now; tap the module that does so, such as the whole block.')


@contextmanager
def record_head(head: nn.Module) -> Iterator[List[Record]]:
    """Record what a head receives and returns inside this context.

    Args:
        head (nn.Module): The head.

    Yields:
        list[Record]: One with ``feats`` and ``outputs`` for each time that it has run.
    """
    runs: List[Record] = []
    before = vars(head).get('forward')  # where somebody else has put another on this head
    head.forward = _recorded_forward(head.forward, runs)  # MMPose's heads call self.forward, not self()
    try:
        yield runs
    finally:
        if before is None:
            del head.forward
        else:
            head.forward = before


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


def is_output(path: str) -> bool:
    """Whether a tap is of what the head returns, which only models of the same keypoints can compare."""
    return parse_path(path)[0] == 'outputs'


def _tap(current: Callable[[], Optional[Record]], name: str, taps: List[Tuple[str, Tuple[int, ...]]],
         versions: Optional[Dict[str, List[int]]] = None):

    def hook(module: nn.Module, args: tuple, output: Any) -> None:
        record = current()
        if record is None:
            return
        for path, indices in taps:
            if path in record.taps:
                raise ConfigError(f'tap "{path}": "{name}" ran more than once in one forward pass; tap a module that '
                                  'runs once.')
            value = record.taps[path] = _index(output, indices, path)
            if versions is not None:
                versions[path] = _versions(value)

    return hook


def _versions(value: Any) -> List[int]:
    """How often each tensor was changed in place; those of inference mode do not count it."""
    return [tensor._version for tensor in tensors(value) if not tensor.is_inference()]


def _recorded_forward(forward, runs: List[Record]):

    def recorded(feats, *args, **kwargs):
        outputs = to_float32(forward(feats, *args, **kwargs))  # under autocast, stock losses need it too
        runs.append(Record(feats, outputs))
        return outputs

    return recorded


def to_float32(value: Any) -> Any:
    """Nested tensors with half precision cast to float32; what else there is stays as it is."""
    return _map(lambda x: x.float() if x.dtype in (torch.float16, torch.bfloat16) else x, value)


def _map(function: Callable[[Tensor], Tensor], value: Any) -> Any:
    """Apply a function to each tensor of nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, (list, tuple)):
        mapped = [_map(function, v) for v in value]
        return type(value)(*mapped) if hasattr(value, '_fields') else type(value)(mapped)  # a namedtuple has fields
    if isinstance(value, dict):
        return {key: _map(function, v) for key, v in value.items()}
    return value


def _index(value: Any, indices: Tuple[int, ...], path: str) -> Any:
    for index in indices:
        if not isinstance(value, (list, tuple)):
            shape = f' of shape {tuple(value.shape)}' if isinstance(value, Tensor) else ''
            raise ConfigError(f'tap "{path}": the output is a {type(value).__name__}{shape}, not a list: '
                              f'drop the index [{index}].')
        if not -len(value) <= index < len(value):
            raise ConfigError(f'tap "{path}": index {index} is out of range, the output has {len(value)} entries.')
        value = value[index]
    return value


def shapes(value: Any) -> str:
    """Shapes of the tensors in nested lists and tuples, for a message."""
    if isinstance(value, Tensor):
        return str(tuple(value.shape))
    if isinstance(value, (list, tuple)):
        return f'[{", ".join(map(shapes, value))}]'
    return type(value).__name__


def tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dicts, in their order.

    Args:
        value (Any): A tensor, or a list, tuple or dict of such values; what else there is gives none.

    Yields:
        Tensor: One of them.
    """
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from tensors(part)
