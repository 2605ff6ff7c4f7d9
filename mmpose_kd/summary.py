"""What several seeds of several trainings come to: the figures, and how they are shown."""
import math
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from scipy.stats import t


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


def summarise(runs: Sequence[dict], metrics: Iterable[str]) -> Dict[str, dict]:
    """Mean, standard deviation and paired difference of every run.

    Args:
        runs (Sequence[dict]): Finished runs with ``name``, ``baseline``, ``seed`` and ``metrics``.
        metrics (Iterable[str]): Names of the metrics.

    Returns:
        dict[str, dict]: By run: ``baseline``, ``seeds``, ``paired``, those that the baseline has too, and, by metric,
        ``mean``, ``std`` (of the sample; None for one seed), ``difference``, the mean over the paired seeds of the
        difference to the baseline, and ``interval``, the half width of its 95 % confidence interval by Student's t;
        None for fewer than two of them.
    """
    values: Dict[str, Dict[int, dict]] = {}
    baselines = {run['name']: run['baseline'] for run in runs}
    for run in runs:
        values.setdefault(run['name'], {})[run['seed']] = run['metrics']
    summary = {}
    for name, by_seed in values.items():
        baseline = baselines[name]
        common = [seed for seed in sorted(by_seed) if seed in values.get(baseline, {})]
        summary[name] = dict(baseline=baseline, seeds=sorted(by_seed), paired=common)
        for metric in metrics:
            mine = np.array([by_seed[seed][metric] for seed in sorted(by_seed)])
            paired = np.array([by_seed[seed][metric] - values[baseline][seed][metric] for seed in common])
            several = len(paired) > 1 and name != baseline
            summary[name][metric] = dict(
                mean=float(mine.mean()),
                std=float(mine.std(ddof=1)) if len(mine) > 1 else None,
                difference=float(paired.mean()) if len(paired) and name != baseline else None,
                interval=float(t.ppf(0.975, len(paired) - 1) * paired.std(ddof=1) / len(paired)**0.5)
                if several else None)
    return summary


def summary_table(runs: Sequence[dict], metrics: Dict[str, str]) -> Table:
    """A row for each name: mean and standard deviation over its seeds, paired difference with its interval, cost.

    Args:
        runs (Sequence[dict]): Runs as :func:`summarise` takes them, with ``label``, ``curve``, ``seconds`` and
            ``peak_memory_mb``, of which the last two may be None.
        metrics (dict[str, str]): Names in the table by the names that the evaluator logs.

    Returns:
        Table: Without the columns that would be empty.
    """
    found = summarise(runs, metrics)
    head = ['run', 'against', 'seeds']
    for title in metrics.values():
        head += [title, f'difference in {title}']
    rows = []
    for name, row in found.items():
        against = '' if row['baseline'] == name else label(runs, row['baseline'])
        count = len(row['seeds'])
        some = f' ({len(row["paired"])} paired)' if row['baseline'] in found and len(row['paired']) < count else ''
        cells = [Cell(label(runs, name)), Cell(against), Cell(f'{count}{some}', count)]
        for metric in metrics:
            by, values = percent(runs, metric), row[metric]
            cells += [_number(values['mean'], values['std'], by),
                      _number(values['difference'], values['interval'], by, '+')]
        seconds, memory = ([run[key] for run in runs if run['name'] == name and run[key] is not None]
                           for key in ('seconds', 'peak_memory_mb'))
        cells.append(Cell(f'{np.mean(seconds) / 60:.1f} min', float(np.mean(seconds))) if seconds else Cell(''))
        cells.append(Cell(f'{max(memory):.0f} MB', max(memory)) if memory else Cell(''))
        rows.append(cells)
    head += ['training', 'peak memory']
    kept = [i for i in range(len(head)) if not rows or any(row[i].text for row in rows)]
    return Table([head[i] for i in kept], [[row[i] for i in kept] for row in rows])


def percent(runs: Iterable[dict], metric: str) -> int:
    """100 for a metric that stays between 0 and 1 everywhere and so is shown in percent, else 1."""
    values = [found[metric] for run in runs for found in (run['metrics'], *run['curve'].values()) if metric in found]
    return 100 if all(0 <= value <= 1 for value in values if math.isfinite(value)) else 1


def rounded(value: float, digits: int, sign: str = '') -> str:
    """A number without the sign of a zero that was rounded to."""
    value = round(value, digits)
    return f'{value:{sign}.{digits}f}' if value else f'{0:.{digits}f}'


def label(runs: Iterable[dict], name: str) -> str:
    """What tables call a run."""
    return next((run['label'] for run in runs if run['name'] == name), name)


def markdown(rows: Iterable[Sequence[str]]) -> List[str]:
    """Lines of a table whose first row is its head."""
    head, *lines = [[cell.replace('|', '\\|') for cell in row] for row in rows]
    return [f'| {" | ".join(head)} |', '|' + '---|' * len(head), *(f'| {" | ".join(cells)} |' for cells in lines)]


def origin(results: Dict[str, Any]) -> List[str]:
    """Sentences about where the results of a study come from: machines, commits, versions."""
    machines = sorted({str(machine) for run in results['runs'] for machine in run.get('machines', [])})
    commits = sorted({str(commit) for run in results['runs'] for commit in run.get('commits', [])})
    found = [versions for run in results['runs'] for versions in run.get('versions', [])]
    versions = sorted({', '.join(f'{name} {version}' for name, version in one.items())
                       for one in found or [results.get('versions', {})]})
    return [f'Machine: {"; ".join(machines)}.', f'Trained with commit {", ".join(commits) or "unknown"}.',
            f'{"; ".join(versions)}.']


def colours(names: Sequence[str], baseline: str) -> Dict[str, str]:
    """A colour for each name; the baseline is black."""
    palette = [to_hex(colormaps['tab20'](i)) for i in range(20)]
    others = [name for name in names if name != baseline]
    order = [*range(0, 20, 2), *range(1, 20, 2)]  # the strong ones first
    return {**{name: palette[order[i % 20]] for i, name in enumerate(others)}, baseline: '#000000'}


def _number(value: Optional[float], spread: Optional[float], by: int, sign: str = '') -> Cell:
    if value is None:
        return Cell('')
    digits = 1 if by == 100 else 3
    return Cell(rounded(by * value, digits, sign) + ('' if spread is None else f' ± {by * spread:.{digits}f}'), value)
