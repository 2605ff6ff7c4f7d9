"""Tables and plots of a study."""
import json
from pathlib import Path
from typing import Optional

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from .results import percent


def write_report(results: dict, out: Path) -> None:
    """Write ``results.json``, ``results.md`` and ``results.png``.

    Args:
        results (dict): As :func:`collect` returns them.
        out (Path): The folder.
    """
    (out / 'results.json').write_text(json.dumps(results, indent=1) + '\n')
    (out / 'results.md').write_text(table(results))
    if results['runs']:
        _plot(results, out / 'results.png')


def table(results: dict) -> str:
    """A Markdown table: a row for every run; metrics between 0 and 1 are in percent."""
    metrics = results['metrics']
    factors = {metric: _factor(results, metric) for metric in metrics}
    head = ['run', 'against', 'seeds']
    for name in metrics.values():
        head += [name, f'difference in {name}']
    lines = [f'# {results["title"]}', '',
             'Last epoch; mean and standard deviation over seeds; difference to the run it is compared with, of the '
             'same seed, with its 95 % interval.', '',
             '| ' + ' | '.join([*head, 'time', 'peak memory']) + ' |', '|' + '---|' * (len(head) + 2)]
    for name, row in results['summary'].items():
        runs = [run for run in results['runs'] if run['name'] == name]
        against = '' if row['baseline'] == name else _label(results, row['baseline'])
        cells = [_label(results, name) + _marks(runs), against, str(len(row['seeds']))]
        for metric in metrics:
            value = row[metric]
            cells += [_number(value['mean'], value['std'], factors[metric]),
                      _number(value['difference'], value['interval'], factors[metric], '+')]
        cells += [f'{np.mean([run["seconds"] for run in runs]) / 60:.1f} min',
                  f'{max(run["peak_memory_mb"] for run in runs):.0f} MB']
        lines.append('| ' + ' | '.join(cells) + ' |')
    machines = sorted({machine for run in results['runs'] for machine in run['machines']})
    commits = sorted({commit for run in results['runs'] for commit in run.get('commits', [])})
    lines += ['', f'Machine: {"; ".join(machines)}. Trained with commit {", ".join(commits) or "unknown"}. ' +
              ', '.join(f'{name} {version}' for name, version in results['versions'].items()) + '.']
    if any(_marks([run]) for run in results['runs']):
        lines.append('\\* begun on one machine and finished on another.')
    return '\n'.join(lines) + '\n'


def _label(results: dict, name: str) -> str:
    return next((run['label'] for run in results['runs'] if run['name'] == name), name)


def _marks(runs: list) -> str:
    return '\\*' if any(len(run['machines']) > 1 for run in runs) else ''


def _factor(results: dict, metric: str) -> int:
    return percent(values[metric] for run in results['runs'] for values in run['curve'].values())


def _number(value: Optional[float], spread: Optional[float], factor: int, sign: str = '') -> str:
    if value is None:
        return ''
    text = f'{factor * value:{sign}.1f}'
    return text if spread is None else f'{text} ± {factor * spread:.1f}'


def _plot(results: dict, file: Path) -> None:
    """Curves of the first metric, and the paired differences at the end."""
    metric, title = next(iter(results['metrics'].items()))
    factor = _factor(results, metric)
    figure = Figure(figsize=(12, 1.5 + 0.35 * max(8, len(results['summary']))), layout='tight')
    left, right = figure.subplots(1, 2)
    colours = [colormaps['tab20'](index) for index in range(20)]
    differing = []
    for index, (name, row) in enumerate(results['summary'].items()):
        curves = [run['curve'] for run in results['runs'] if run['name'] == name]
        epochs = sorted(set.intersection(*(set(curve) for curve in curves)), key=int)
        mean = [factor * np.mean([curve[epoch][metric] for curve in curves]) for epoch in epochs]
        style = dict(color='black', linewidth=2.5) if name == results['baseline'] else dict(
            color=colours[index % len(colours)])
        left.plot([int(epoch) for epoch in epochs], mean, label=_label(results, name), **style)
        if row[metric]['difference'] is not None:
            differing.append((_label(results, name), row[metric], style))
    for place, (_, value, style) in enumerate(reversed(differing)):
        half = factor * (value['interval'] or 0)
        right.errorbar(factor * value['difference'], place, xerr=half, fmt='o', capsize=3, **style)
    right.axvline(0, color='black', linewidth=2.5)
    right.set_yticks(range(len(differing)), [label for label, _, _ in reversed(differing)])
    right.set_xlabel(f'difference in {title} at the end, 95 % interval')
    left.set_xlabel('epoch')
    left.set_ylabel(title)
    left.legend(fontsize='small')
    figure.suptitle(results['title'])
    figure.savefig(file, dpi=110)
