"""What MMEngine's LocalVisBackend logged."""
import json
import math
from pathlib import Path
from typing import Dict, List, Tuple

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
    for file in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in file.read_text(errors='replace').splitlines():
            entry = _entry(line)
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
    lines = (line for file in folder.glob('*/vis_data/scalars.json')
             for line in file.read_text(errors='replace').splitlines())
    return max((_entry(line).get('memory', 0.) for line in lines), default=0.)


def _entry(line: str) -> Dict[str, float]:
    try:
        entry = json.loads(line)
        values = {key: float(value) for key, value in entry.items() if isinstance(value, (int, float))}
    except (ValueError, OverflowError, AttributeError):
        return {}
    return values if math.isfinite(values.get('step', 0)) else {}
