"""What each section of a report shows."""
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from mmpose_kd.errors import ConfigError
from mmpose_kd.summary import Cell, Table, percent

from . import measure, tables
from .delta import config_delta
from .latency import Benchmark
from .pictures import Picture, draw_people
from .plots import Line, curves, finite, points
from .predict import Found, Predictions, comparable, config_of
from .runs import Experiment, dumped_config


class Options(NamedTuple):
    """What a report shows.

    Args:
        images (int): People of the validation set that each run's checkpoint is evaluated on; 0 for tables and curves
            alone. Default: 200.
        pictures (int): Pictures of gains, and of losses, of each run. Default: 4.
        threshold (float): What counts as right, in longer sides of the box. Default: 0.2.
        benchmark (str, optional): A ``benchmark.json``.
        device (str): Where models run. Default: 'cpu'.
        cfg_options (dict, optional): Changes to the runs' configs, such as the place of the data.
        title (str, optional): Headline. Default: that of the study, or what it is about.
    """
    images: int = 200
    pictures: int = 4
    threshold: float = 0.2
    benchmark: Optional[str] = None
    device: str = 'cpu'
    cfg_options: Optional[dict] = None
    title: Optional[str] = None


def about(experiment: Experiment, found: Found, benchmark: Optional[Benchmark], options: Options) -> Dict[str, str]:
    """What each section says of itself."""
    count = max((len(predictions.indices) for predictions in found.values()), default=0)
    limits = measure.size_limits(next(iter(found.values()))) if found else (0, 0)
    in_percent = [title for metric, title in experiment.metrics.items() if percent(experiment.entries, metric) == 100]
    near = f'nearer to its label than {options.threshold:g} of the longer side of the person\'s box'
    return dict(
        summary=('Last validation; mean and standard deviation over seeds. A difference is to the run it is compared '
                 'with, over the seeds that both have; ± is its 95 % interval. ' +
                 (f'In percent: {", ".join(in_percent)}. ' if in_percent else '') + 'A click on a heading sorts.'),
        losses='As logged, each already times its weight. A line for each seed.',
        joints=(f'Share of the labelled joints found, in percent: those {near}. Last checkpoint, {count} people evenly '
                'spread over the validation set, in their labelled boxes. In brackets the difference to the run it is '
                'compared with, by which a click on the heading sorts.'),
        sizes=(f'The same people in thirds by the longer side of the box: up to {limits[0]:.0f} pixels, up to '
               f'{limits[1]:.0f}, and above.'),
        scores=('The labelled joints in ten bins of equal number by their score, of the first seed: the share that is '
                'right against the mean score. Dotted: a score that is the probability of being right. The calibration '
                'error is the mean distance from that line; ranking is the probability that a right joint has a higher '
                'score than a wrong one (0.5: the score says nothing).'),
        changes=('The people of whom the mean distance of the joints from their labels (at most one box) changes most '
                 'from baseline to student, with the first seed that both have. A click enlarges.'),
        latency=f'Median for one image, as the benchmark measured it on {benchmark.machine}.' if benchmark else '',
        configs=('Keys of the configs as they were dumped when training began, without seeds and work folders; of '
                 'absolute paths the last part.'))


def metric_charts(experiment: Experiment, hues: Dict[str, str]) -> List[Picture]:
    """A chart of each metric: a line for each training."""
    charts = []
    for metric, title in experiment.metrics.items():
        by = percent(experiment.entries, metric)
        lines = []
        for run in experiment.runs:
            x, y = finite([(step, entry.get(metric)) for step, entry in run.curve.items()])
            lines += [Line(hues[run.name], x, by * y)] if len(x) else []
        if lines:
            charts.append(Picture(curves(lines, 'epoch or iteration of the validation'), title))
    return charts


def loss_charts(experiment: Experiment, hues: Dict[str, str]) -> List[Picture]:
    """A chart of each loss: a line for each training."""
    keys = list(dict.fromkeys(key for run in experiment.runs for key in run.losses))
    charts = []
    for key in keys:
        lines = [Line(hues[run.name], *finite(run.losses[key])) for run in experiment.runs if key in run.losses]
        lines = [line for line in lines if len(line.x)]
        if lines:
            charts.append(Picture(curves(lines, 'step', log=True), key))
    return charts


def joint_table(experiment: Experiment, found: Found, options: Options) -> Table:
    """The share of the labels found, of each joint and of all."""

    def shares(predictions: Predictions) -> Dict[str, float]:
        values = dict(zip(map(str, predictions.joints), measure.by_joint(predictions, options.threshold)))
        return {**values, 'all labels': float(np.nanmean(measure.right(predictions, options.threshold)))}

    return tables.compare(experiment, found, shares, 'joint')


def size_table(experiment: Experiment, found: Found, options: Options) -> Table:
    """The share of the labels found, among small, middling and large people."""
    return tables.compare(experiment, found, lambda predictions: dict(
        zip(measure.THIRDS, measure.by_size(predictions, options.threshold))), 'longer side of the box')


def scores(experiment: Experiment, found: Found, hues: Dict[str, str], options: Options) -> Dict[str, Any]:
    """A chart of each run beside its baseline, and a table, of the first seed of each."""
    first: Dict[str, measure.Reliability] = {}
    for run, predictions in found.items():
        values = measure.reliability(predictions, options.threshold)
        if len(values.scores):  # else no joint of these people has a label
            first.setdefault(run.name, values)
    charts = []
    for name, values in first.items():
        baseline = experiment.of(name)[0].baseline
        both = {other: first[other] for other in (baseline, name) if other in first}
        lines = [Line(hues[other], both[other].scores, both[other].shares) for other in both]
        if name != baseline or len(first) == 1:
            charts.append(Picture(curves(lines, 'mean score', diagonal=values.gap is not None), experiment.label(name)))
    return dict(charts=charts, table=tables.reliabilities(experiment, first))


def changes(experiment: Experiment, found: Found, options: Options, notes: List[str]) -> List[Dict[str, Any]]:
    """For each run, pictures of the people that it gets more and less right than its baseline; a note without them."""
    shown = []
    for name in experiment.names if options.pictures else ():
        pair = next(iter(comparable(experiment, found, name)), None)
        if pair is None:
            continue
        student, baseline = (found[run] for run in pair)
        gains = measure.gains(student, baseline)
        title = f'{pair[0].label} against {pair[1].label}'
        try:
            cfg = config_of(pair[0], options.cfg_options)
            better, worse = (draw_people(cfg, measure.largest(values, options.pictures), baseline, student)
                             for values in (gains, -gains))
        except ConfigError as error:  # the predictions were kept, and the images are gone
            notes.append(f'{title}: no pictures. {error}')
            continue
        text = (f'Of {len(gains)} people, {int((gains > 0).sum())} are nearer to their labels and '
                f'{int((gains < 0).sum())} farther.')
        shown.append(dict(title=title, text=text, gains=better, losses=worse))
    return shown


def latency(experiment: Experiment, benchmark: Benchmark, hues: Dict[str, str]) -> Dict[str, Any]:
    """Charts and a table of what the benchmark measured, against the first metric."""
    metric, title = next(iter(experiment.metrics.items()), ('', ''))
    accuracy: Dict[str, float] = {}
    for name in benchmark.speeds if metric else ():
        values = [run.metrics[metric] for run in experiment.of(name) if run.metrics]
        if values:
            accuracy[name] = percent(experiment.entries, metric) * float(np.mean(values))
    rows, charts = [], []
    for backend in dict.fromkeys(speed.backend for speeds in benchmark.speeds.values() for speed in speeds):
        speeds = {name: speed for name, several in benchmark.speeds.items() for speed in several
                  if speed.backend == backend}
        for name, speed in speeds.items():
            rows.append([Cell(experiment.label(name)), Cell(backend),
                         Cell(f'{speed.latency:.2f} ms', speed.latency),
                         Cell(f'{speed.params:.2f} M', speed.params),
                         Cell(f'{speed.gmacs:.3f}', speed.gmacs),
                         Cell(f'{accuracy[name]:.2f}', accuracy[name]) if name in accuracy else Cell('')])
        places = {name: (speed.latency, accuracy[name]) for name, speed in speeds.items() if name in accuracy}
        if places:
            charts.append(Picture(points(places, hues, 'latency of one image (ms)', 'accuracy'),
                                  f'{title} against latency, {backend}'))
    head = ['run', 'backend', 'latency', 'parameters', 'GMACs', title or 'accuracy']
    return dict(hues=[(experiment.label(name), hues[name]) for name in benchmark.speeds], charts=charts,
                table=Table(head, rows))


def configs(experiment: Experiment) -> List[Dict[str, Any]]:
    """For each run with a baseline, the keys in which their configs differ."""
    shown = []
    for name in experiment.names:
        for run, other in experiment.pairs(name)[:1]:
            old, new = (dumped_config(one) for one in (other, run))
            if old is not None and new is not None:
                shown.append(dict(title=f'{run.label} against {other.label}', label=run.label, baseline=other.label,
                                  rows=config_delta(old.to_dict(), new.to_dict())))
    return shown
