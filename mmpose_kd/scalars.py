"""What MMEngine's LocalVisBackend logged."""
import json
import math
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

_NO_METRICS = ('step', 'time', 'data_time')


def read_scalars(folder: Path) -> Tuple[Dict[int, Dict[str, float]], Dict[str, List[Tuple[int, float]]]]:
    """Metrics and losses of a training, over all its attempts.

    Where an attempt began, all that earlier ones logged from there on is left out: a resumed training trains that
    again, and one that was begun anew in the same folder is another training.

    Args:
        folder (Path): Its work folder.

    Returns:
        tuple: Metrics by epoch or iteration of each validation; and pairs of a step and a value for each loss, in the
        order of the steps. A line that is not whole, as a killed training leaves it, is left out.
    """
    curve: Dict[int, Dict[str, float]] = {}
    losses: Dict[str, Dict[int, float]] = {}
    for entries in map(list, map(_entries, _logs(folder))):
        first = next((entry for entry in entries if 'loss' in entry), None)
        if first is not None:
            begin = first.get('step', 0)
            curve = {step: found for step, found in curve.items() if step < first.get('epoch', begin)}
            losses = {key: {step: value for step, value in values.items() if step < begin}
                      for key, values in losses.items()}
        for entry in entries:
            step = int(entry.pop('step', 0))
            if 'loss' in entry:
                for key, value in entry.items():
                    if key.startswith('loss'):
                        losses.setdefault(key, {})[step] = value
            else:
                metrics = {key: value for key, value in entry.items() if key not in _NO_METRICS}
                if metrics and step:  # a teacher's metric is logged at step 0
                    curve[step] = metrics
    return dict(sorted(curve.items())), {key: sorted(values.items()) for key, values in losses.items() if values}


def trained_logs(folder: Path) -> List[Path]:
    """The files of the attempts that trained, one after the other; a test in the same folder logs metrics alone."""
    return [file for file in _logs(folder) if any('loss' in entry for entry in _entries(file))]


def device_memory(folder: Path) -> float:
    """The most memory in MB that a training held on its GPU, over all its attempts; 0 where it had none."""
    return max((entry.get('memory', 0.) for file in _logs(folder) for entry in _entries(file)), default=0.)


def _logs(folder: Path) -> List[Path]:
    """The file of each attempt, one after the other."""
    return sorted(folder.glob('*/vis_data/scalars.json'))


def _entries(file: Path) -> Iterator[Dict[str, float]]:
    """The numbers of each line of a file, which is read no farther than is asked."""
    with file.open(errors='replace') as lines:
        yield from map(_entry, lines)


def _entry(line: str) -> Dict[str, float]:
    try:
        entry = json.loads(line)
        values = {key: float(value) for key, value in entry.items() if isinstance(value, (int, float))}
    except (ValueError, OverflowError, AttributeError):
        return {}
    return values if math.isfinite(values.get('step', 0)) else {}
