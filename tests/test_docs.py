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
def new_method(tmp_path, monkeypatch):
    """The two files of docs/new_method.md, the config beside a copy of the students."""
    loss, config = code_blocks('new_method.md')
    (tmp_path / 'channel_wise.py').write_text(loss)
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / 'configs' / 'students' / 'cwd_resnet_hrnet-w8.py'
    (tmp_path / 'configs').mkdir()
    for folder in ('_base_', 'teachers'):
        (tmp_path / 'configs' / folder).symlink_to(ROOT / 'configs' / folder)
    path.parent.mkdir()
    for student in (ROOT / 'configs' / 'students').glob('*.py'):
        (path.parent / student.name).symlink_to(student)
    path.write_text(config)
    yield path
    sys.modules.pop('channel_wise', None)
    MODELS.module_dict.pop('ChannelWiseLoss', None)


def test_new_method_takes_at_most_forty_lines():
    lines = [line for block in code_blocks('new_method.md') for line in block.splitlines()]
    assert len(lines) <= 40


def test_new_method_trains(new_method, tmp_path):
    losses, _ = one_step(Config.fromfile(str(new_method)), tmp_path / 'run')
    assert losses['train/loss_cwd'] > 0


def test_new_loss_is_the_papers(new_method):
    loss = importlib.import_module('channel_wise').ChannelWiseLoss(temperature=4.)
    s, t = np.random.default_rng(0).normal(size=(2, 3, 5, 4, 6))
    p, q = (softmax(x.reshape(3, 5, -1) / 4, axis=-1) for x in (t, s))
    expected = 16 / (3 * 5) * (p * np.log(p / q)).sum()
    assert loss(torch.tensor(s), torch.tensor(t)).item() == pytest.approx(expected, rel=1e-5)
