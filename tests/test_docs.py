"""The code in the documentation runs as it stands there."""
import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from scipy.special import softmax
from steps import one_step

ROOT = Path(__file__).resolve().parents[1]


def code_blocks(page):
    return re.findall(r'```python\n(.*?)```', (ROOT / 'docs' / page).read_text(), re.DOTALL)


@pytest.fixture
def beside_students(tmp_path, monkeypatch):
    """Writes a module, and a config beside a copy of the students; both are forgotten after the test."""
    students = tmp_path / 'configs' / 'students'
    students.mkdir(parents=True)
    for folder in ('_base_', 'teachers'):
        (tmp_path / 'configs' / folder).symlink_to(ROOT / 'configs' / folder)
    for student in (ROOT / 'configs' / 'students').glob('*.py'):
        (students / student.name).symlink_to(student)
    monkeypatch.syspath_prepend(str(tmp_path))
    modules = []

    def write(module, code, name, config):
        modules.append(module)
        (tmp_path / f'{module}.py').write_text(code)
        (students / name).write_text(config)
        return students / name

    yield write
    for module in modules:
        sys.modules.pop(module, None)
    for name in [name for name, part in MODELS.module_dict.items() if part.__module__ in modules]:
        MODELS.module_dict.pop(name)


@pytest.fixture
def new_method(beside_students):
    """The two files of docs/new_method.md that add a method."""
    loss, config = code_blocks('new_method.md')[:2]
    return beside_students('channel_wise', loss, 'cwd_resnet_hrnet-w8.py', config)


def test_new_method_takes_at_most_forty_lines():
    lines = [line for block in code_blocks('new_method.md')[:2] for line in block.splitlines()]
    assert len(lines) <= 40


def test_new_method_trains(new_method, tmp_path):
    losses, _ = one_step(Config.fromfile(str(new_method)), tmp_path / 'run')
    assert losses['train/loss_cwd'] > 0


def test_new_connector_and_new_objective_train(beside_students, tmp_path):
    parts, config = code_blocks('new_method.md')[2:]
    path = beside_students('own_parts', parts, 'own_resnet_hrnet-w8.py', config)
    losses, model = one_step(Config.fromfile(str(path)), tmp_path / 'run')
    assert losses['train/loss_stage'] > 0 and losses['train/loss_pooled'] > 0
    assert any('objectives' in name for name, _ in model.named_parameters())
    assert not any('objectives' in name for name in model.state_dict())


def test_new_loss_is_the_papers(new_method):
    loss = importlib.import_module('channel_wise').ChannelWiseLoss(temperature=4.)
    s, t = np.random.default_rng(0).normal(size=(2, 3, 5, 4, 6))
    p, q = (softmax(x.reshape(3, 5, -1) / 4, axis=-1) for x in (t, s))
    expected = 16 / (3 * 5) * (p * np.log(p / q)).sum()
    assert loss(torch.tensor(s), torch.tensor(t)).item() == pytest.approx(expected, rel=1e-5)
