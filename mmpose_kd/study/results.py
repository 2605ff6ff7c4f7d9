"""What came out of a study's runs."""
import json
import platform
from pathlib import Path
from typing import Dict, List

import mmengine
import mmpose
import numpy as np
import torch
from scipy.stats import t

import mmpose_kd
from mmpose_kd.machine import commit

from .plan import Plan, Run, without_folders
from .train import state_of


def collect(plan: Plan, out: Path) -> dict:
    """Everything that ``results.json`` holds.

    Args:
        plan (Plan): The study.
        out (Path): Its folder.

    Returns:
        dict: ``title``, ``baseline``, ``metrics``, ``versions``, ``commit`` of now, ``runs``, a list of the finished
        runs with the last epoch's metrics and those of every epoch that was validated, and ``summary``, see
        :func:`summarise`.
    """
    runs = []
    for run in plan.runs:
        state = state_of(run, out)
        if not state.get('finished'):
            continue
        curve = _curve(run, out, list(plan.metrics))
        state.pop('finished')
        runs.append(dict(
            name=run.name, label=run.label, baseline=run.baseline, seed=run.seed, config=run.config.name,
            options=json.loads(without_folders(json.dumps(run.options))), **state,
            metrics=curve[max(curve)], curve={str(epoch): values for epoch, values in sorted(curve.items())}))
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


def _curve(run: Run, out: Path, metrics: List[str]) -> Dict[int, Dict[str, float]]:
    """Metrics by epoch, from what MMEngine logged; of an epoch that was validated twice, the later."""
    curve = {}
    for file in sorted((out / run.folder).glob('*/vis_data/scalars.json')):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            if all(metric in entry for metric in metrics):
                curve[entry['step']] = {metric: entry[metric] for metric in metrics}
    return curve
