"""Tables of a report."""
import math
from typing import Callable, Dict, Optional

import numpy as np

from mmpose_kd.summary import Cell, Table, rounded

from .measure import Reliability
from .predict import Found, Predictions, comparable
from .runs import Experiment

Measure = Callable[[Predictions], Dict[str, float]]


def compare(experiment: Experiment, found: Found, measure: Measure, title: str) -> Table:
    """A row for each part, such as a joint, and a column for each name: a share in percent and its difference.

    Args:
        experiment (Experiment): The runs.
        found (dict[Trained, Predictions]): Runs with their predictions.
        measure (Callable): Predictions to a share for each part.
        title (str): What the parts are.

    Returns:
        Table: Means over the seeds; differences to the baseline in brackets, by which it is sorted, are means over
        the seeds of which both have predictions of the same people.
    """
    shares = {run: measure(predictions) for run, predictions in found.items()}
    names = [name for name in experiment.names if any(run.name == name for run in found)]
    parts = list(dict.fromkeys(part for share in shares.values() for part in share))
    rows = []
    for part in parts:
        cells = [Cell(part)]
        for name in names:
            values = [shares[run].get(part, math.nan) for run in experiment.of(name) if run in found]
            paired = [shares[run][part] - shares[other][part] for run, other in comparable(experiment, found, name)
                      if part in shares[run]]
            cells.append(_share(float(np.mean(values)), float(np.mean(paired)) if paired else None))
        rows.append(cells)
    return Table([title, *(experiment.label(name) for name in names)], rows)


def reliabilities(experiment: Experiment, found: Dict[str, Reliability]) -> Table:
    """A row for each name: how far its scores tell which joints are right."""
    rows = []
    for name, values in found.items():
        mean, share = float(np.mean(values.scores)), float(np.mean(values.shares))
        rows.append([Cell(experiment.label(name)), Cell(f'{mean:.3f}', mean), Cell(f'{100 * share:.1f} %', share),
                     Cell('no probability') if values.gap is None else Cell(f'{values.gap:.3f}', values.gap),
                     Cell('') if values.ranking is None else Cell(f'{values.ranking:.3f}', values.ranking)])
    return Table(['run', 'mean score', 'joints right', 'calibration error', 'ranking'], rows)


def _share(value: float, difference: Optional[float]) -> Cell:
    if math.isnan(value):
        return Cell('no label')
    if difference is None or math.isnan(difference):
        return Cell(f'{100 * value:.1f}', value)
    text = f'{100 * value:.1f} ({rounded(100 * difference, 1, "+")})'
    return Cell(text, difference, float(np.clip(5 * difference, -1, 1)))
