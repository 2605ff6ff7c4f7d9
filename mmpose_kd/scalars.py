"""What MMEngine's LocalVisBackend logged."""
import json
import math
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

_NO_METRICS = ('step', 'time', 'data_time')


def read_scalars(folder: Path) -> Tuple[Dict[int, Dict[str, float]], Dict[str, List[Tuple[int, float]]]]:
    """Metrics and losses of a training, over all its attempts; what was logged twice counts as it was the last time.

    Args:
        folder (Path): Its work folder.

    Returns:
        tuple: Metrics by epoch or iteration of each validation; and pairs of a step and a value for each loss, in the
        order of the steps. A line that is not whole, as a killed training leaves it, is left out.
    """
    curve: Dict[int, Dict[str, float]] = {}
    losses: Dict[str, Dict[int, float]] = {}
    for entry in _entries(folder):
        step = int(entry.pop('step', 0))
        if 'loss' in entry:
            for key, value in entry.items():
                if key.startswith('loss'):
                    losses.setdefault(key, {})[step] = value
        else:
            metrics = {key: value for key, value in entry.items() if key not in _NO_METRICS}
            if metrics and step:  # a teacher's metric is logged at step 0
                curve[step] = metrics
    return dict(sorted(curve.items())), {key: sorted(values.items()) for key, values in losses.items()}


def device_memory(folder: Path) -> float:
    """The most memory in MB that a training held on its GPU, over all its attempts; 0 where it had none."""
    return max((entry.get('memory', 0.) for entry in _entries(folder)), default=0.)


def _entries(folder: Path) -> Iterator[Dict[str, float]]:
    """The numbers of each line that the attempts logged, in their order."""
    for file in sorted(folder.glob('*/vis_data/scalars.json')):
        yield from map(_entry, file.read_text(errors='replace').splitlines())


def _entry(line: str) -> Dict[str, float]:
    try:
        entry = json.loads(line)
        values = {key: float(value) for key, value in entry.items() if isinstance(value, (int, float))}
    except (ValueError, OverflowError, AttributeError):
        return {}
    return values if math.isfinite(values.get('step', 0)) else {}
