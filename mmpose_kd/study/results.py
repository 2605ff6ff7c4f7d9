"""What came out of a study's runs."""
import json
import platform
from pathlib import Path
from typing import Dict, List

import mmengine
import mmpose
import numpy as np
import torch

import mmpose_kd
from mmpose_kd.errors import ConfigError, did_you_mean
from mmpose_kd.machine import commit
from mmpose_kd.scalars import device_memory, read_scalars
from mmpose_kd.summary import summarise

from .plan import Plan, Run, without_folders
from .state import check_same, differs, state_of


def collect(plan: Plan, out: Path) -> dict:
    """Everything that ``results.json`` holds.

    Args:
        plan (Plan): The study.
        out (Path): Its folder.

    Returns:
        dict: ``title``, ``baseline``, ``metrics``, ``versions``, ``commit`` of now, ``runs``, a list of the finished
        runs with the last epoch's metrics and those of every epoch that was validated, and ``summary``, see
        :func:`mmpose_kd.summary.summarise`. The peak memory of a run is that of its GPU, where it had one, else of its
        process. What ``results.json`` has of a run whose folder was removed is kept.

    Raises:
        ConfigError: A run was trained with another config, or did not log a metric after its last epoch.
    """
    stored = {(run['name'], run.get('seed')): run for run in _stored_runs(out)}
    runs = []
    for run in plan.runs:
        state = state_of(run, out)
        kept = {} if state else stored.get((run.name, run.seed), {})
        if kept and not differs(kept, run, out):
            found = kept.get('metrics', {})
            missing = [metric for metric in plan.metrics if metric not in found]
            if missing:
                raise ConfigError(f'metrics: the folder {out / run.folder} is gone, and "results.json" kept no '
                                  f'"{missing[0]}" of it, only {", ".join(found) or "nothing"}.')
            runs.append(dict(kept, label=run.label, baseline=run.baseline))
        if not state.get('finished'):
            continue
        check_same(run, out)
        state.pop('finished')
        state['peak_memory_mb'] = device_memory(out / run.folder) or state['peak_memory_mb']
        curve = _curve(run, out, list(plan.metrics))
        runs.append(dict(
            name=run.name, label=run.label, baseline=run.baseline, seed=run.seed, config=run.config.name,
            options=json.loads(without_folders(json.dumps({**run.options[0], **run.options[1]}, default=str))), **state,
            metrics=curve[run.epochs], curve={str(epoch): values for epoch, values in curve.items()}))
    return dict(title=plan.title, baseline=plan.baseline, metrics=plan.metrics, commit=commit(), versions=versions(),
                runs=runs, summary=summarise(runs, plan.metrics))


def versions() -> Dict[str, str]:
    """Versions of this package and of what trainings depend on most."""
    return dict(python=platform.python_version(), torch=torch.__version__, mmengine=mmengine.__version__,
                mmpose=mmpose.__version__, numpy=np.__version__, mmpose_kd=mmpose_kd.__version__)


def check_results(plan: Plan, out: Path) -> None:
    """Refuse a folder with the results of something else, which this study's would replace.

    Raises:
        ConfigError: Its ``results.json`` is no study's, was cut off, or lists no run of this one.
    """
    try:
        names = {run['name'] for run in _stored_runs(out)}
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f'"{out / "results.json"}" does not list the runs of a study: it is something else, or was '
                          'cut off or edited. Choose another folder, or move the file away if it is this study\'s: '
                          'what has its folder in "runs" is listed anew.') from error
    if names and not names & set(plan.names()):
        raise ConfigError(f'"{out / "results.json"}" holds the results of something else '
                          f'({", ".join(sorted(map(str, names)))}), which those of this study would replace. Choose '
                          'another folder.')


def _stored_runs(out: Path) -> List[dict]:
    """What ``results.json`` lists, if there is one."""
    file = out / 'results.json'
    return json.loads(file.read_text())['runs'] if file.is_file() else []


def _curve(run: Run, out: Path, metrics: List[str]) -> Dict[int, Dict[str, float]]:
    """Metrics by epoch, the last included."""
    curve, _ = read_scalars(out / run.folder)
    for metric in metrics:
        if metric not in curve.get(run.epochs, {}):
            raise ConfigError(f'{out / run.folder}: metrics: "{metric}" was not logged after the last epoch, only '
                              f'{", ".join(curve.get(run.epochs, {})) or "nothing"}.'
                              f'{did_you_mean(metric, curve.get(run.epochs, {}))}')
    return {epoch: {metric: found[metric] for metric in metrics} for epoch, found in curve.items()
            if all(metric in found for metric in metrics)}
