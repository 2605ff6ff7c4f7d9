"""What came out of a study's runs."""
import json
import math
import platform
from pathlib import Path
from typing import Dict, Iterable, List

import mmengine
import mmpose
import numpy as np
import torch
from scipy.stats import t

import mmpose_kd
from mmpose_kd.errors import ConfigError, did_you_mean
from mmpose_kd.machine import commit
from mmpose_kd.scalars import device_memory, read_scalars

from .plan import Plan, Run, without_folders
from .train import check_config, state_of


def collect(plan: Plan, out: Path) -> dict:
    """Everything that ``results.json`` holds.

    Args:
        plan (Plan): The study.
        out (Path): Its folder.

    Returns:
        dict: ``title``, ``baseline``, ``metrics``, ``versions``, ``commit`` of now, ``runs``, a list of the finished
        runs with the last epoch's metrics and those of every epoch that was validated, and ``summary``, see
        :func:`summarise`. The peak memory of a run is that of its GPU, where it had one, else of its process.

    Raises:
        ConfigError: A run was trained with another config, or did not log a metric after its last epoch.
    """
    runs = []
    for run in plan.runs:
        state = state_of(run, out)
        if not state.get('finished'):
            continue
        check_config(run, out)
        state.pop('finished')
        state['peak_memory_mb'] = device_memory(out / run.folder) or state['peak_memory_mb']
        curve = _curve(run, out, list(plan.metrics))
        runs.append(dict(
            name=run.name, label=run.label, baseline=run.baseline, seed=run.seed, config=run.config.name,
            options=json.loads(without_folders(json.dumps(run.options))), **state,
            metrics=curve[run.epochs], curve={str(epoch): values for epoch, values in curve.items()}))
    versions = dict(python=platform.python_version(), torch=torch.__version__, mmengine=mmengine.__version__,
                    mmpose=mmpose.__version__, numpy=np.__version__, mmpose_kd=mmpose_kd.__version__)
    return dict(title=plan.title, baseline=plan.baseline, metrics=plan.metrics, commit=commit(), versions=versions,
                runs=runs, summary=summarise(runs, list(plan.metrics)))


def summarise(runs: List[dict], metrics: List[str]) -> Dict[str, dict]:
    """Mean, standard deviation and paired difference of every run.

    Args:
        runs (list[dict]): Finished runs with ``name``, ``baseline``, ``seed`` and ``metrics``.
        metrics (list[str]): Names of the metrics.

    Returns:
        dict[str, dict]: By run: ``baseline``, ``seeds`` and, by metric, ``mean``, ``std`` (of the sample; None for one
        seed), ``difference``, the mean over the seeds that the baseline has too of the difference to it, and
        ``interval``, the half width of its 95 % confidence interval by Student's t; None for fewer than two common
        seeds.
    """
    values: Dict[str, Dict[int, dict]] = {}
    baselines = {run['name']: run['baseline'] for run in runs}
    for run in runs:
        values.setdefault(run['name'], {})[run['seed']] = run['metrics']
    summary = {}
    for name, by_seed in values.items():
        baseline = baselines[name]
        summary[name] = dict(baseline=baseline, seeds=sorted(by_seed))
        for metric in metrics:
            mine = np.array([by_seed[seed][metric] for seed in sorted(by_seed)])
            common = [seed for seed in sorted(by_seed) if seed in values.get(baseline, {})]
            paired = np.array([by_seed[seed][metric] - values[baseline][seed][metric] for seed in common])
            several = len(paired) > 1 and name != baseline
            summary[name][metric] = dict(
                mean=float(mine.mean()),
                std=float(mine.std(ddof=1)) if len(mine) > 1 else None,
                difference=float(paired.mean()) if len(paired) and name != baseline else None,
                interval=float(t.ppf(0.975, len(paired) - 1) * paired.std(ddof=1) / len(paired)**0.5)
                if several else None)
    return summary


def percent(values: Iterable[float]) -> int:
    """100 for values that stay between 0 and 1 and so are shown in percent, else 1."""
    return 100 if all(0 <= value <= 1 for value in values if math.isfinite(value)) else 1


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
