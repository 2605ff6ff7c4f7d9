"""Long trainings, and many builds in one process: memory, hooks, tensors and open files stay what they were."""
import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from long_run import PERSONS, objects
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from steps import shrink, trainable

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(str(path) for path in ROOT.glob('configs/*/*_synthetic-64x64.py')
                 if path.parent.name not in ('students', 'teachers'))
SYSTEMS = [Path(path).stem.split('_')[0] for path in CONFIGS]
STEPS, WARM_UP = 3000, 1000


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    # the runner formats the config's text four times, which takes longer than the training
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True))
    init_default_scope('mmpose')


@pytest.mark.soak
@pytest.mark.parametrize('path', CONFIGS, ids=SYSTEMS)
def test_three_thousand_steps_keep_nothing(path, tmp_path):
    # modules beside the tests are found by a program of its own as they are by pytest
    places = [str(ROOT / 'tests'), *filter(None, [os.environ.get('PYTHONPATH')])]
    result = subprocess.run(
        [sys.executable, '-W', 'ignore', Path(__file__).with_name('long_run.py'), path, tmp_path, str(STEPS)],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(places)), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    seen = {int(step): values for step, values in json.loads(result.stdout.splitlines()[-1]).items()}
    steps = [step for step in seen if step > WARM_UP]
    assert steps[-1] == STEPS and len(steps) == 8
    memory, *counts = zip(*(seen[step] for step in steps))
    slope = np.polyfit(steps, memory, 1)[0]
    print(f'{Path(path).stem.split("_")[0]}: {slope:.2f} KB a step')  # pytest -s
    assert slope < 4  # three maps of 8 channels and 8x8 cells have 6 KB
    for constant in counts:
        assert len(set(constant)) == 1, constant


def trained(path):
    """A model after one step, as a weak reference."""
    model, data = trainable(path, PERSONS)
    losses = model.loss(**{key: data[key] for key in ('inputs', 'data_samples')})
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    return weakref.ref(model), [weakref.ref(teacher) for teacher in model.teachers.values()]


@pytest.mark.parametrize('path', [
    pytest.param(path, id=name, marks=[] if name in ('multi-kd', 'okdhp') else pytest.mark.soak)
    for path, name in zip(CONFIGS, SYSTEMS)])
def test_ten_builds_and_teardowns_leave_nothing(path):
    counts = []
    for _ in range(10):
        model, teachers = trained(path)
        gc.collect()
        assert model() is None and all(teacher() is None for teacher in teachers)
        counts.append(objects())
    assert counts[-1] == counts[1], counts


def test_a_runner_leaves_its_model_and_teachers(tmp_path):
    cfg = Config.fromfile(CONFIGS[SYSTEMS.index('multi-kd')])
    shrink(cfg, tmp_path, PERSONS)
    runner = Runner.from_cfg(cfg)
    runner.train()
    kept = [weakref.ref(x) for x in (runner, runner.model, runner.model.teachers['teacher'])]
    del runner
    gc.collect()
    assert [x() is None for x in kept] == [True] * 3
