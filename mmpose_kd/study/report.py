"""Tables and plots of a study."""
import json
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmpose_kd.files import whole
from mmpose_kd.summary import colours, label, markdown, origin, percent, summary_table


def write_results(results: dict, out: Path) -> None:
    """Write ``results.json``, ``results.md`` and ``results.png``, each whole or not at all.

    Args:
        results (dict): As :func:`collect` returns them.
        out (Path): The folder.
    """
    with whole(out / 'results.json') as part:
        part.write_text(json.dumps(results, indent=1) + '\n')
    with whole(out / 'results.md') as part:
        part.write_text(table(results))
    if results['runs']:
        with whole(out / 'results.png') as part, matplotlib.rc_context({'text.parse_math': False}):  # a $ is a $
            _plot(results, part)


def table(results: dict) -> str:
    """A Markdown table: a row for every run; metrics between 0 and 1 are in percent."""
    content = summary_table(results['runs'], results['metrics'])
    moved = {run['name'] for run in results['runs'] if len(run['machines']) > 1 or len(run.get('versions', [])) > 1}
    rows = [[cell.text for cell in row] for row in content.rows]
    for name, row in zip(results['summary'], rows):
        row[0] += '\\*' if name in moved else ''
    lines = [f'# {results["title"]}', '',
             'Last epoch; mean and standard deviation over seeds; difference to the run it is compared with, of the '
             'same seed, with its 95 % interval.', '',
             *markdown([content.head, *rows]), '', ' '.join(origin(results))]
    if moved:
        lines.append('\\* begun on one machine, or with one version of a package, and finished on another.')
    return '\n'.join(lines) + '\n'


def _plot(results: dict, file: Path) -> None:
    """Curves of the first metric, and the paired differences at the end."""
    metric, title = next(iter(results['metrics'].items()))
    factor = percent(results['runs'], metric)
    figure = Figure(figsize=(14, 1.5 + 0.35 * max(8, len(results['summary']))), layout='constrained')
    left, right = figure.subplots(1, 2)
    hues = colours(list(results['summary']), results['baseline'])
    differing = []
    for name, row in results['summary'].items():
        curves = [run['curve'] for run in results['runs'] if run['name'] == name]
        epochs = sorted(set.intersection(*(set(curve) for curve in curves)), key=int)
        mean = [factor * np.mean([curve[epoch][metric] for curve in curves]) for epoch in epochs]
        style = dict(color=hues[name], linewidth=2.5 if name == results['baseline'] else 1.5)
        left.plot([int(epoch) for epoch in epochs], mean, label=label(results['runs'], name), marker='.',
                  **style)
        if row[metric]['difference'] is not None:
            differing.append((label(results['runs'], name), row[metric], style))
    for place, (_, value, style) in enumerate(reversed(differing)):
        half = factor * (value['interval'] or 0)
        right.errorbar(factor * value['difference'], place, xerr=half, fmt='o', capsize=3, **style)
    right.axvline(0, color='black', linewidth=2.5)
    right.set_yticks(range(len(differing)), [title for title, _, _ in reversed(differing)])
    right.set_xlabel(f'difference in {title} at the end,\n95 % interval')
    left.set_xlabel('epoch')
    left.set_ylabel(title)
    left.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.legend(loc='outside left lower', fontsize='small')  # within the chart it would cover curves
    figure.suptitle(results['title'])
    figure.savefig(file, dpi=110)
