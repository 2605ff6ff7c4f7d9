"""What trainings left behind: their metrics, their losses and their configs."""
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from mmengine.config import Config

from mmpose_kd.config import read_config
from mmpose_kd.errors import ConfigError, did_you_mean
from mmpose_kd.scalars import read_scalars, trained_logs
from mmpose_kd.summary import label, origin

NOT_MEASURED = -1  # what COCO's evaluation returns where the set has nobody of a size


@dataclass(eq=False)
class Trained:
    """One training.

    Attributes:
        name (str): Trainings of one name differ in their seeds alone.
        label (str): What tables call it.
        baseline (str): Name of what it is compared with.
        seed (int): Its seed.
        folder (Path): Where it trained.
        config (str): Name of its config, without its ending.
        metrics (dict[str, float]): Those of the last validation.
        curve (dict[int, dict[str, float]]): Those of each validation, by epoch or iteration.
        losses (dict[str, list[tuple]]): Of each loss, pairs of a step and its value.
        seconds (float, optional): How long it trained.
        peak_memory_mb (float, optional): Its peak memory.
    """
    name: str
    label: str
    baseline: str
    seed: int
    folder: Path
    config: str
    metrics: Dict[str, float]
    curve: Dict[int, Dict[str, float]]
    losses: Dict[str, List[Tuple[int, float]]] = field(default_factory=dict)
    seconds: Optional[float] = None
    peak_memory_mb: Optional[float] = None


@dataclass
class Experiment:
    """What a report is about.

    Attributes:
        title (str): Its headline.
        metrics (dict[str, str]): Names in tables by the names that the evaluator logs; the first counts most.
        runs (list[Trained]): The trainings.
        baseline (str): Name of the run that the others are compared with, where they name no other.
        facts (list[str]): Sentences about where they come from.
    """
    title: str
    metrics: Dict[str, str]
    runs: List[Trained]
    baseline: str
    facts: List[str]

    @property
    def names(self) -> List[str]:
        """Names of the trainings, each once."""
        return list(dict.fromkeys(run.name for run in self.runs))

    @property
    def entries(self) -> List[dict]:
        """The trainings as a study lists its runs: those that were validated, or all where none was."""
        return [vars(run) for run in self.runs if run.metrics] or [vars(run) for run in self.runs]

    def of(self, name: str) -> List[Trained]:
        """The seeds of a training."""
        return [run for run in self.runs if run.name == name]

    def label(self, name: str) -> str:
        """What tables call a training."""
        return label([vars(run) for run in self.runs], name)

    def pairs(self, name: str) -> List[Tuple[Trained, Trained]]:
        """Seeds of a training and of its baseline: those that both have."""
        return [(run, other) for run in self.of(name) for other in self.runs
                if other.name == run.baseline != name and other.seed == run.seed]


def read_folders(folders: Sequence[str], names: Sequence[str] = (), baseline: Optional[str] = None,
                 metrics: Sequence[str] = ()) -> Experiment:
    """Read the folder of a study, or those of some runs.

    Args:
        folders (Sequence[str]): The folder that ``mim run mmpose_kd study`` wrote, or work folders of trainings.
        names (Sequence[str]): What the runs are called, one for each folder; folders of the same name are seeds of the
            same training. Default: what tells their paths apart.
        baseline (str, optional): Name of the run that the others are compared with. Default: that of the study, or the
            first run.
        metrics (Sequence[str]): Those to show, as the evaluator logs them. Default: all, but for sizes of people
            that the validation set does not have.

    Returns:
        Experiment: What was found.

    Raises:
        ConfigError: A folder is neither a run nor a study, or a name or metric is none of those found.
    """
    paths = [Path(folder).expanduser() for folder in folders]
    studies = [path for path in paths if (path / 'results.json').is_file() and not _is_run(path)]
    if studies and (len(paths) > 1 or names):
        raise ConfigError(f'"{studies[0]}" is a study, which is reported alone and has names of its own; drop the '
                          'other folders and --names, or give the folders of its runs.')
    found = _study(paths[0]) if studies else _runs(paths, names)
    if baseline is not None:
        if baseline not in found.names:
            raise ConfigError(f'--baseline "{baseline}" is none of the runs.{did_you_mean(baseline, found.names)} '
                              f'There are: {", ".join(found.names)}.')
        found.baseline = baseline
        for run in found.runs:
            run.baseline = baseline
    for metric in metrics:
        if metric not in found.metrics:
            raise ConfigError(f'--metrics "{metric}" is not logged by every run.{did_you_mean(metric, found.metrics)} '
                              f'There are: {", ".join(found.metrics)}.')
    if metrics:
        found.metrics = {metric: found.metrics[metric] for metric in metrics}
    return found


def dumped_config(run: Trained, cfg_options: Optional[dict] = None, custom_imports: bool = False) -> Optional[Config]:
    """The config that MMEngine wrote when the training began, the latest of several; None where there is none.

    A test in the same folder writes one of the same name. What is newer than the training is not the training's, and
    its copy in ``vis_data`` is taken, which comes second since runs of one process share a visualizer.

    Args:
        run (Trained): The training.
        cfg_options (dict, optional): Changes to the config, by dotted key.
        custom_imports (bool): Whether to import the modules that it names. Default: False.

    Raises:
        ConfigError: It cannot be read, or the options do not fit.
    """
    logs = trained_logs(run.folder)
    files = [file for file in run.folder.glob('*.py') if not logs or _written(file) <= _written(logs[-1])]
    copies = [log.with_name('config.py') for log in logs] or run.folder.glob('*/vis_data/config.py')
    found = files or [file for file in copies if file.is_file()]
    return read_config(max(found, key=_written), cfg_options, custom_imports) if found else None


def _written(file: Path) -> int:
    return file.stat().st_mtime_ns


def _runs(paths: List[Path], names: Sequence[str]) -> Experiment:
    for path in paths:
        if not _is_run(path):
            kind = 'is neither a run nor a study' if path.exists() else 'does not exist'
            raise ConfigError(
                f'"{path}" {kind}. Expected the work folder of a training, with TIME/vis_data/scalars.json or '
                'last_checkpoint in it, or that of a study, with results.json, which "mim run mmpose_kd study STUDY '
                '--out FOLDER --report-only" writes of what is finished.')
    if names and len(names) != len(paths):
        raise ConfigError(f'--names: {len(names)} names for {len(paths)} folders; give one for each. Folders of the '
                          'same name are seeds of the same training.')
    names = list(names) or _distinct(paths)
    runs = [_run(path, name, names[0]) for path, name in zip(paths, names)]
    seeds = [(run.name, run.seed) for run in runs]
    twice = next((seed for seed in seeds if seeds.count(seed) > 1), None)
    if twice:
        raise ConfigError(f'two folders named "{twice[0]}" have the seed {twice[1]}; give them different --names.')
    validated = [run for run in runs if run.metrics] or runs
    common = [key for key in validated[0].metrics if all(key in run.metrics for run in validated)
              and any(run.metrics[key] != NOT_MEASURED for run in validated)]
    title = runs[0].label if len(set(names)) == 1 else f'{len(set(names))} trainings'
    return Experiment(title, {key: key for key in common}, runs, names[0], [])


def _run(path: Path, name: str, baseline: str) -> Trained:
    curve, losses = read_scalars(path)
    run = Trained(name, name, baseline, 0, path, path.name, curve[max(curve)] if curve else {}, curve, losses)
    config = dumped_config(run)
    run.seed = ((config and config.get('randomness')) or {}).get('seed') or 0
    sources = sorted(file.stem for file in path.glob('*.py') if file.name != 'config.py')
    run.config = sources[0] if sources else path.name
    return run


def _study(path: Path) -> Experiment:
    file = path / 'results.json'
    try:
        results = json.loads(file.read_text())
        metrics = {str(key): str(title) for key, title in results['metrics'].items()}
        runs = [_study_run(path, entry, list(metrics)) for entry in results['runs']]
        found = Experiment(str(results['title']), metrics, runs, str(results['baseline']), origin(results))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise ConfigError(f'"{file}" does not hold what a study writes ({type(error).__name__}: {error}). Have it '
                          "written again: 'mim run mmpose_kd study STUDY --out FOLDER --report-only'.") from None
    if not runs:
        raise ConfigError(f'"{file}" lists no finished run.')
    return found


def _study_run(path: Path, entry: dict, metrics: List[str]) -> Trained:
    name, seed = str(entry['name']), int(entry['seed'])
    if Path(name).parts != (name, ) or name == '..':
        raise ValueError(f'the name {name!r} would lead out of the folder')
    folder = path / 'runs' / name / f'seed_{seed}'
    curve = {int(epoch): {key: float(values[key]) for key in metrics} for epoch, values in entry['curve'].items()}
    return Trained(name, str(entry['label']), str(entry['baseline']), seed, folder, Path(entry['config']).stem,
                   {key: float(entry['metrics'][key]) for key in metrics}, curve, read_scalars(folder)[1],
                   float(entry['seconds']), float(entry['peak_memory_mb']))


def _is_run(path: Path) -> bool:
    return (path / 'last_checkpoint').is_file() or any(path.glob('*/vis_data/scalars.json'))


def _distinct(paths: List[Path]) -> List[str]:
    """As much of the end of each path as tells them apart."""
    parts = [path.resolve().parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ['/'.join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise ConfigError('the same folder is given twice.')
