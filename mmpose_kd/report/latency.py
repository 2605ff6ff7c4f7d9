"""What a benchmark measured, for the runs of a report."""
import json
from pathlib import Path
from typing import Dict, List, NamedTuple

from mmpose_kd.deploy.student import deployed_config
from mmpose_kd.errors import ConfigError

from .runs import Experiment, Trained, dumped_config


class Speed(NamedTuple):
    """A model of a benchmark.

    Args:
        backend (str): What ran it.
        latency (float): Milliseconds for one image, median.
        params (float): Parameters in millions.
        gmacs (float): Multiply-adds of one image, 1e9.
    """
    backend: str
    latency: float
    params: float
    gmacs: float


class Benchmark(NamedTuple):
    """Speeds by the runs' names, and what they were measured on."""
    speeds: Dict[str, List[Speed]]
    machine: str


def read_benchmark(path: str, experiment: Experiment) -> Benchmark:
    """Read what ``mim run mmpose_kd benchmark --out FOLDER`` wrote.

    Args:
        path (str): Its ``benchmark.json``. A model there is that of a run whose name, label or config has its name; a
            run that is not there has the speed of its baseline where the same student was trained.
        experiment (Experiment): The runs.

    Returns:
        Benchmark: Of the runs that are there.

    Raises:
        ConfigError: The file cannot be read, is no benchmark, or is of none of the runs.
    """
    try:
        content = json.loads(Path(path).expanduser().read_text())
        rows = [(str(row['name']), Speed(str(row['backend']), float(row['latency_ms']), float(row['params']),
                                         float(row['gmacs']))) for row in content['rows']]
        where = [content['machine'], *([content['device']] if 'device' in content else [])]
        machine = ', '.join([*where, f'{content["threads"]} threads'])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f'--benchmark "{path}" is no benchmark ({type(error).__name__}: {error}). Expected the '
                          "benchmark.json that 'mim run mmpose_kd benchmark CONFIGS --out FOLDER' writes.") from None
    twice = [name for name, speed in rows if sum(name == n and speed.backend == s.backend for n, s in rows) > 1]
    if twice:
        raise ConfigError(f'--benchmark "{path}" has two models named "{twice[0]}". Give their config files '
                          'different names.')
    speeds: Dict[str, List[Speed]] = {}
    for run in experiment.runs:
        mine = [speed for name, speed in rows if name in (run.name, run.label, run.config)]
        if mine:
            speeds[run.name] = mine
    if not speeds:
        raise ConfigError(f'--benchmark "{path}" has {", ".join(dict.fromkeys(name for name, _ in rows))}, which is '
                          f'none of the runs: {", ".join(experiment.names)}. The name of a model must be that of a run '
                          'or of its config.')
    for run, other in [pair for name in experiment.names for pair in experiment.pairs(name)[:1]]:
        if run.name not in speeds and other.name in speeds and _same_network(run, other):
            speeds[run.name] = speeds[other.name]
    return Benchmark({name: speeds[name] for name in experiment.names if name in speeds}, machine)


def _same_network(run: Trained, other: Trained) -> bool:
    """Whether two runs deploy the same student, whatever it was trained by."""
    models = []
    for cfg in map(dumped_config, (run, other)):
        model = deployed_config(cfg).model if cfg is not None else {}
        model.get('head', {}).pop('loss', None)
        models.append(model)
    return bool(models[0]) and models[0] == models[1]
