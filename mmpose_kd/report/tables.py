"""Tables of a report."""
import math
from dataclasses import asdict
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from mmpose_kd.study.results import percent, summarise

from .measure import Reliability
from .predict import Predictions
from .runs import Experiment, Trained


class Cell(NamedTuple):
    """A cell of a table.

    Args:
        text (str): What it says.
        value (float, optional): What the table is sorted by; without it, by the text.
        shade (float): From -1, red, to 1, green. Default: 0, none.
    """
    text: str
    value: Optional[float] = None
    shade: float = 0.0


class Table(NamedTuple):
    """A table with a head and rows of cells."""
    head: List[str]
    rows: List[List[Cell]]


def factor(experiment: Experiment, metric: str) -> int:
    """100 for a metric that stays between 0 and 1 everywhere and so is shown in percent, else 1."""
    values = [run.metrics[metric] for run in experiment.runs]
    values += [entry[metric] for run in experiment.runs for entry in run.curve.values() if metric in entry]
    return percent(values)


def summary(experiment: Experiment) -> Table:
    """A row for each name: mean and standard deviation over its seeds, paired difference with its interval, cost."""
    found = summarise([asdict(run) for run in experiment.runs], list(experiment.metrics))
    compared = any(experiment.pairs(name) for name in experiment.names)
    head = ['run', 'against', 'seeds'] if compared else ['run', 'seeds']
    for title in experiment.metrics.values():
        head += [title, f'difference in {title}'] if compared else [title]
    rows = []
    for name, row in found.items():
        runs = experiment.of(name)
        against = '' if row['baseline'] == name else experiment.label(row['baseline'])
        cells = [Cell(experiment.label(name)), *([Cell(against)] if compared else []),
                 Cell(str(len(runs)), len(runs))]
        for metric in experiment.metrics:
            by, values = factor(experiment, metric), row[metric]
            cells.append(_number(values['mean'], values['std'], by))
            if compared:
                cells.append(_number(values['difference'], values['interval'], by, '+'))
        seconds = [run.seconds for run in runs if run.seconds is not None]
        memory = [run.memory for run in runs if run.memory is not None]
        cells.append(Cell(f'{np.mean(seconds) / 60:.1f} min', float(np.mean(seconds))) if seconds else Cell(''))
        cells.append(Cell(f'{max(memory):.0f} MB', max(memory)) if memory else Cell(''))
        rows.append(cells)
    return _without_empty_columns(Table([*head, 'training', 'peak memory'], rows))


Measure = Callable[[Predictions], Dict[str, float]]
Found = Sequence[Tuple[Trained, Predictions]]


def compare(experiment: Experiment, found: Found, measure: Measure, title: str) -> Table:
    """A row for each part, such as a joint, and a column for each name: a share in percent and its difference.

    Args:
        experiment (Experiment): The runs.
        found (Sequence[tuple]): Runs with their predictions.
        measure (Callable): Predictions to a share for each part.
        title (str): What the parts are.

    Returns:
        Table: Means over the seeds; differences to the baseline in brackets, by which it is sorted, are means over
        the seeds of which both have predictions of the same people.
    """
    of = {id(run): predictions for run, predictions in found}
    shares = {key: measure(predictions) for key, predictions in of.items()}
    names = [name for name in experiment.names if any(run.name == name for run, _ in found)]
    parts = list(dict.fromkeys(part for share in shares.values() for part in share))
    rows = []
    for part in parts:
        cells = [Cell(part)]
        for name in names:
            values = [shares[id(run)].get(part, math.nan) for run in experiment.of(name) if id(run) in of]
            paired = [shares[id(run)][part] - shares[id(other)][part] for run, other in experiment.pairs(name)
                      if id(run) in of and id(other) in of and of[id(run)].same_people(of[id(other)])
                      and part in shares[id(run)]]
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


def _without_empty_columns(table: Table) -> Table:
    kept = [i for i in range(len(table.head)) if any(row[i].text for row in table.rows)]
    return Table([table.head[i] for i in kept], [[row[i] for i in kept] for row in table.rows])


def _number(value: Optional[float], spread: Optional[float], by: int, sign: str = '') -> Cell:
    if value is None:
        return Cell('')
    digits = 1 if by == 100 else 3
    return Cell(_rounded(by * value, digits, sign) + ('' if spread is None else f' ± {by * spread:.{digits}f}'), value)


def _share(value: float, difference: Optional[float]) -> Cell:
    if math.isnan(value):
        return Cell('no label')
    if difference is None or math.isnan(difference):
        return Cell(f'{100 * value:.1f}', value)
    text = f'{100 * value:.1f} ({_rounded(100 * difference, 1, "+")})'
    return Cell(text, difference, float(np.clip(5 * difference, -1, 1)))


def _rounded(value: float, digits: int, sign: str) -> str:
    """A number without the sign of a zero that was rounded to."""
    value = round(value, digits)
    return f'{value:{sign}.{digits}f}' if value else f'{0:.{digits}f}'
