"""Shipped configs, broken in every way that mutations.py knows: each ends in a message that names the key."""
import re
import time
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mutations import MUTATIONS
from samples import write_datasets
from steps import shrink

from mmpose_kd.cli import _message
from mmpose_kd.models.distillers.teachers import teachers_by_name

ROOT = Path(__file__).parents[2] / 'configs'
SMALL = ['multi_kd/multi-kd_resnet_hrnet-w8_synthetic-64x64.py', 'students/resnet18-w8_heatmap_synthetic-64x64.py']
CONFIGS = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob('*.py') if '_base_' not in path.parts)
PER_CONFIG = 5


@pytest.fixture(scope='module')
def folder_with_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('project')
    write_datasets(folder / 'data')
    return folder


@pytest.fixture(autouse=True)
def _here(folder_with_data, monkeypatch):
    monkeypatch.delenv('MMPOSE_KD_LSPET', raising=False)
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True))
    monkeypatch.chdir(folder_with_data)
    init_default_scope('mmpose')


def broken(name, mutation, work_dir):
    """The config after a mutation, cut to one step of training, and what the error has to name."""
    cfg = Config.fromfile(str(ROOT / name))
    shrink(cfg, work_dir)
    cfg.merge_from_dict(dict(val_dataloader=None, val_cfg=None, val_evaluator=None, test_dataloader=None,
                             test_cfg=None, test_evaluator=None))
    for teacher in teachers_by_name(cfg.model.get('teacher')).values():
        teacher.report_metric = False
    return cfg, MUTATIONS[mutation](cfg)


def message_of(cfg):
    """What somebody reads who trains with a config through tools/train.py; None if it trains."""
    try:
        Runner.from_cfg(cfg).train()
    except Exception as error:
        text = _message(error)
        assert text is not None, f'a bare traceback: {type(error).__name__}: {error}'
        return text
    return None


def check(name, mutation, work_dir):
    cfg, expected = broken(name, mutation, work_dir)
    if expected is None:
        return False
    start = time.perf_counter()
    text = message_of(cfg)
    assert text is not None, f'{mutation}: it trains without a word'
    assert re.search(expected, text, re.DOTALL), f'{mutation}: {expected!r} is not named in: {text}'
    assert time.perf_counter() - start < 60
    return True


@pytest.mark.parametrize('mutation', MUTATIONS)
def test_a_broken_config_ends_in_a_message_that_names_the_key(mutation, tmp_path):
    assert any(check(name, mutation, tmp_path / str(i)) for i, name in enumerate(SMALL))


@pytest.mark.soak
@pytest.mark.parametrize('index', range(len(CONFIGS)), ids=[Path(name).stem for name in CONFIGS])
def test_each_shipped_config_broken_in_five_ways(index, tmp_path):
    names = list(MUTATIONS)
    if 'custom_imports' not in Config.fromfile(str(ROOT / CONFIGS[index])):
        pytest.skip('a stock config that does not import this package: MMEngine\'s own messages')
    start = index * PER_CONFIG % len(names)
    done = 0
    for i, mutation in enumerate(names[start:] + names[:start]):
        done += check(CONFIGS[index], mutation, tmp_path / str(i))
        if done == PER_CONFIG:
            return
    raise AssertionError(f'only {done} mutations fit this config')


def test_the_whole_is_more_than_300_mutations():
    assert len(CONFIGS) * PER_CONFIG >= 300
