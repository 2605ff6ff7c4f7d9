"""tools/demo.py, with trainings of one epoch."""
import json
import sys

import cv2
import pytest
import scripts

EPOCH = {
    'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 1, 'default_hooks.checkpoint.interval': 1,
    'train_dataloader.dataset.num_samples': 64, 'val_dataloader.dataset.num_samples': 32
}


@pytest.fixture
def tool(monkeypatch):
    """The tool as a module, whose trainings are short."""
    module = scripts.load('demo', 'tools')
    whole = module.demo
    monkeypatch.setattr(module, 'demo', lambda seeds: dict(whole(seeds), cfg_options=EPOCH))
    return module


def run(tool, monkeypatch, *words):
    monkeypatch.setattr(sys, 'argv', ['demo.py', *map(str, words)])
    tool.main()


def test_the_demo_trains_compares_and_draws_and_trains_nothing_twice(tool, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr('mmpose_kd.progress.SECONDS_A_LINE', 0)
    run(tool, monkeypatch, '--work-dir', tmp_path)
    printed = capsys.readouterr().out
    assert '| student + Multi-KD | student | 1 |' in printed and '| resnet_simdr_synthetic-64x64 | eager |' in printed
    assert 'study: epochs: 3 of 3' in printed
    results = json.loads((tmp_path / 'results.json').read_text())
    assert [(row['name'], row['seed']) for row in results['runs']] == [('teacher', 0), ('student', 0), ('distilled', 0)]
    picture = cv2.imread(str(tmp_path / 'poses.png'))
    assert picture.std() > 10
    trained = {file: file.stat().st_mtime_ns for file in tmp_path.rglob('epoch_1.pth')}
    run(tool, monkeypatch, '--work-dir', tmp_path)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob('epoch_1.pth')} == trained
    assert json.loads((tmp_path / 'results.json').read_text())['runs'] == results['runs']


def test_a_seed_that_is_none_is_named(tool, monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match=r'^error: .*seed=-1: expected a whole number of at least 0'):
        run(tool, monkeypatch, '--work-dir', tmp_path / 'new', '--seeds', -1)
