"""A report: what it shows, in which order, and where it is written."""
import datetime
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import mmpose_kd
from mmpose_kd.config import merge_options
from mmpose_kd.errors import ConfigError, make_folder
from mmpose_kd.files import whole
from mmpose_kd.summary import colours, summary_table

from . import sections
from .latency import Benchmark, read_benchmark
from .page import render
from .predict import Found, comparable, predict
from .runs import Experiment, dumped_config
from .sections import Options

HEADINGS = dict(summary='Summary', curves='Curves', joints='By joint', sizes='By size',
                scores='Reliability of the scores', changes='Largest gains and losses',
                latency='Latency against accuracy', configs='What differs in the configs')
DEFAULTS = Options()


def write_report(experiment: Experiment, out: Path, options: Options = DEFAULTS, force: bool = False,
                 advance: Callable[[int], Any] = lambda people: None) -> List[str]:
    """Write a page about some runs.

    Predictions are kept beside it, in ``NAME.predictions``, so that another report of the same runs is quick.

    Args:
        experiment (Experiment): The runs, see :func:`read_folders`.
        out (Path): The file, which appears when it is whole.
        options (Options): What it shows.
        force (bool): Whether it may replace a file. Default: False.
        advance (Callable): Told how many people were evaluated.

    Returns:
        list[str]: What could not be shown, and why; the page says it too.

    Raises:
        ConfigError: An option is wrong, or the file exists or cannot be written.

    Example::

        write_report(read_folders(['work_dirs/student', 'work_dirs/distilled']), Path('report.html'))
    """
    check_output(out, force)
    if options.images < 0 or options.pictures < 0:
        raise ConfigError(f'--images {options.images} --pictures {options.pictures}: expected 0 or more.')
    if not options.threshold > 0:
        raise ConfigError(f'--threshold {options.threshold}: expected more than 0, in longer sides of the box.')
    if options.cfg_options:
        _check_options(experiment, options.cfg_options)
    benchmark = read_benchmark(options.benchmark, experiment) if options.benchmark else None
    make_folder(out.parent)
    notes = [f'{run.label}, seed {run.seed}: no validation was logged.' for run in experiment.runs if not run.metrics]
    notes += _unshared(experiment) + _unpaired(experiment)
    found = _predictions(experiment, out, options, notes, advance) if options.images else {}
    text = render(**_content(experiment, found, benchmark, options, notes))
    try:
        with whole(out) as part:
            part.write_text(text, encoding='utf-8')
    except OSError as error:
        raise ConfigError(f'the report "{out}" cannot be written: {error.strerror}. Give another file with --out.'
                          ) from None
    return notes


def check_output(out: Path, force: bool) -> None:
    """Refuse a file that exists, before anything is computed."""
    if out.is_dir():
        raise ConfigError(f'the report "{out}" is a folder; give a file, such as {out / "report.html"}.')
    if out.exists() and not force:
        raise ConfigError(f'the report "{out}" exists already; give another file with --out, or --force to replace it.')


def _check_options(experiment: Experiment, cfg_options: dict) -> None:
    """Refuse options that fit none of the runs' configs; one that cannot be read is noted with the predictions."""
    errors = []
    for run in experiment.runs:
        try:
            cfg = dumped_config(run)
        except ConfigError:
            continue
        try:
            if cfg is not None:
                merge_options(cfg, cfg_options, cfg.filename)
                return
        except ConfigError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _unshared(experiment: Experiment) -> List[str]:
    """A note of the metrics that only some of the validated trainings have logged, which nothing shows."""
    logged = [run.metrics for run in experiment.runs if run.metrics]
    some = [key for key in dict.fromkeys(key for metrics in logged for key in metrics)
            if not all(key in metrics for metrics in logged)]
    return [f'{", ".join(some)}: not shown, as not every training has logged it.'] if some else []


def _unpaired(experiment: Experiment) -> List[str]:
    """A note for each training whose baseline has none of its seeds."""
    notes = []
    for name in experiment.names:
        baseline = experiment.of(name)[0].baseline
        seeds, others = ([run.seed for run in experiment.of(one)] for one in (name, baseline))
        if others and not {*seeds} & {*others}:
            notes.append(f'{experiment.label(name)} has the seeds {seeds} and {experiment.label(baseline)} {others}: '
                         'no difference is shown, which is one of trainings of the same seed (randomness.seed).')
    return notes


def _predictions(experiment: Experiment, out: Path, options: Options, notes: List[str],
                 advance: Callable[[int], Any]) -> Found:
    """Predictions of the runs that can be evaluated; of the others a note."""
    found: Found = {}
    for run in experiment.runs:
        done = 0

        def count(people: int) -> None:
            nonlocal done
            done += people
            advance(people)

        try:
            found[run] = predict(run, options.images, out.with_suffix('.predictions'), options.device,
                                 options.cfg_options, count)
        except ConfigError as error:
            notes.append(f'{run.label}, seed {run.seed}: no predictions. {error}')
        advance(options.images - done)
    for name in experiment.names:
        same = comparable(experiment, found, name)
        notes += [f'{run.label} and {other.label}, seed {run.seed}: their validation sets differ, so joints and sizes '
                  'are not compared.' for run, other in experiment.pairs(name)
                  if run in found and other in found and (run, other) not in same]
    return found


def _content(experiment: Experiment, found: Found, benchmark: Optional[Benchmark], options: Options,
             notes: List[str]) -> Dict[str, Any]:
    """Everything that the template shows."""
    hues = colours(experiment.names, experiment.baseline)
    content: Dict[str, Any] = dict(
        title=options.title or experiment.title,
        facts=[f'mmpose_kd {mmpose_kd.__version__}, {datetime.date.today()}.', *experiment.facts],
        notes=notes,
        about=sections.about(experiment, found, benchmark, options),
        hues=[(experiment.label(name), hues[name]) for name in experiment.names],
        summary=summary_table(experiment.entries, experiment.metrics),
        curves=sections.metric_charts(experiment, hues),
        losses=sections.loss_charts(experiment, hues),
        joints=sections.joint_table(experiment, found, options) if found else None,
        sizes=sections.size_table(experiment, found, options) if found else None,
        scores=sections.scores(experiment, found, hues, options) if found else None,
        changes=sections.changes(experiment, found, options, notes),
        latency=sections.latency(experiment, benchmark, hues) if benchmark else None,
        configs=sections.configs(experiment))
    content['headings'] = {key: title for key, title in HEADINGS.items() if content[key]}
    return content
