import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
import tiny
from mmengine.config import Config
from mmengine.runner import Runner

from mmpose_kd.cli import find_config, for_the_user, run_mmpose_tool
from mmpose_kd.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
CONFIG = """
default_scope = 'mmpose'
model = dict(type='TopdownPoseEstimator', backbone=dict(type='ResNet', depth=18),
             head=dict(type='HeatmapHead', in_channels=512, out_channels=17))
train_dataloader = dict(batch_size=1, sampler=dict(type='DefaultSampler', shuffle=True),
                        dataset=dict(type='SyntheticPoseDataset', num_samples=-3))
train_cfg = dict(by_epoch=True, max_epochs=1)
optim_wrapper = dict(optimizer=dict(type='Adam'))
"""


@pytest.fixture
def bad_config(tmp_path, monkeypatch):
    (tmp_path / 'bad.py').write_text(CONFIG)
    monkeypatch.setattr(sys, 'argv', ['train.py', str(tmp_path / 'bad.py'), '--work-dir', str(tmp_path / 'work')])


def test_config_error_ends_with_its_message_alone(bad_config):
    with pytest.raises(SystemExit, match=r'^error: .*num_samples.*-3') as info:
        run_mmpose_tool('train.py')
    assert isinstance(info.value.code, str)  # Python prints it to stderr and exits with 1


def test_debug_brings_the_traceback_back(bad_config, monkeypatch):
    monkeypatch.setenv('MMPOSE_KD_DEBUG', '1')
    with pytest.raises(ConfigError):
        run_mmpose_tool('train.py')


@pytest.mark.parametrize('error, message', [
    (ConfigError('no such teacher'), '^error: no such teacher$'),
    (FileNotFoundError('a.pth can not be found.'), '^error: a.pth can not be found.$'),
    (PermissionError(13, 'Permission denied', 'theirs/a.py'), "^error: .*Permission denied: 'theirs/a.py'$"),
    (AssertionError('Annotation file `a.json`does not exist'), 'ViewDataset train_dataloader.dataset.dataset.data_'),
    (AssertionError('Annotation file `a.json`does not exist'), 'CombinedDataset train_dataloader.dataset.datasets.0'),
    (KeyboardInterrupt(), '^stopped; nothing was written$'),
])
def test_a_tool_ends_with_a_message(error, message):
    with pytest.raises(SystemExit, match=message), for_the_user('stopped; nothing was written'):
        raise error


@pytest.mark.parametrize('mode, missing', [
    ('train', 'train_dataloader, train_cfg and optim_wrapper'),
    ('test', 'test_dataloader, test_cfg and test_evaluator')])
def test_a_config_without_a_loop_is_told_what_it_lacks(tmp_path, mode, missing):
    runner = Runner(tiny.pose_model(), str(tmp_path), default_scope='mmpose', experiment_name=f'without_{mode}')
    with pytest.raises(SystemExit, match=f'^error: the config has no {missing}: a {mode}'), for_the_user():
        getattr(runner, mode)()


def test_a_mistake_of_the_package_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), for_the_user():
        raise ZeroDivisionError


def test_debug_brings_the_traceback_of_a_tool_back(monkeypatch):
    monkeypatch.setenv('MMPOSE_KD_DEBUG', '1')
    with pytest.raises(ConfigError, match='no such teacher'), for_the_user():
        raise ConfigError('no such teacher')


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_tool_as_ctrl_c_does(number):
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(SystemExit, match='^stopped$'), for_the_user():
            signal.raise_signal(number)
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_tool_that_is_stopped_while_a_config_is_written_says_so(monkeypatch):
    monkeypatch.setattr('mmengine.config.config.FormatCode', Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(SystemExit, match='^stopped$'), for_the_user():
        Config(dict(a=1)).dump()


def test_what_ignores_the_end_of_its_terminal_goes_on():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup has it
    try:
        with for_the_user():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_missing_tool_is_named():
    with pytest.raises(SystemExit, match=r'error: MMPose is installed without its tools.*absent\.py'):
        run_mmpose_tool('absent.py')


@pytest.mark.parametrize('name', ['hrnet-w8_simdr_synthetic-64x64', 'hrnet-w8_simdr_synthetic-64x64.py'])
def test_shipped_config_is_found_by_its_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(name).endswith('configs/teachers/hrnet-w8_simdr_synthetic-64x64.py')
    (tmp_path / name).write_text('')
    assert find_config(name) == name  # a file goes before


def test_config_that_is_nowhere_is_named_with_what_comes_close():
    with pytest.raises(ConfigError, match=r"no config file .*hrnet-w9_simdr.*Did you mean 'hrnet-w8_simdr_synthetic"):
        find_config('hrnet-w9_simdr_synthetic-64x64.py')


@pytest.mark.parametrize('tool, given', [
    ('benchmark', ['resnet_simdr_synthetic-64x64', '--out']),
    ('demo', ['--work-dir']),
    ('study', [ROOT / 'docs/results/lspet-64x64/methods.py', '--out']),
    ('study', [ROOT / 'docs/results/lspet-64x64/methods.py', '--report-only', '--out']),
])
def test_a_folder_that_cannot_be_made_stops_a_tool_before_it_computes(tool, given, tmp_path):
    (tmp_path / 'file').touch()
    command = [sys.executable, '-W', 'ignore', ROOT / 'tools' / f'{tool}.py', *given, tmp_path / 'file']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f'error: the folder "{tmp_path / "file"}" cannot be made: File exists. Give another with ' \
        f'{given[-1]}.\n'


@pytest.mark.parametrize('tool, arguments', [('cache', []), ('export', ['s.pth', '--out', 'e']), ('report', [])])
def test_an_option_without_its_value_is_named(tool, arguments):
    script = str(ROOT / 'tools' / f'{tool}.py')
    done = subprocess.run([sys.executable, script, 'a.py', *arguments, '--cfg-options', 'foo'],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'error: argument --cfg-options: expected KEY=VALUE, got "foo"' in done.stderr


def test_so_it_is_of_mmposes_own_tools(monkeypatch):
    words = ['train.py', 'a.py', '--cfg-options', 'a=1', 'b=(1, 2)', 'foo', '--work-dir', 'w']
    monkeypatch.setattr('sys.argv', words)
    with pytest.raises(SystemExit, match='^error: --cfg-options: expected KEY=VALUE, got "foo"$'):
        run_mmpose_tool('train.py')


@pytest.mark.parametrize('tool, words', [('train', []), ('test', ['s.pth'])])
def test_a_config_that_is_not_there_is_one_line(tool, words, monkeypatch):
    monkeypatch.setattr('sys.argv', [f'{tool}.py', 'nowhere.py', *words])
    with pytest.raises(SystemExit, match='^error: .*nowhere.py'):
        run_mmpose_tool(f'{tool}.py')


def test_a_checkpoint_that_is_not_there_is_one_line(monkeypatch, tmp_path):
    cfg = tiny.runner_cfg(tiny.pose_model(), tmp_path, test_dataloader=None)
    cfg.test_dataloader, cfg.test_evaluator, cfg.test_cfg = cfg.val_dataloader, cfg.val_evaluator, dict()
    cfg.custom_imports = dict(imports=['mmpose_kd'])
    cfg.dump(str(tmp_path / 'a.py'))
    monkeypatch.setattr('sys.argv', ['test.py', str(tmp_path / 'a.py'), 'nowhere.pth', '--work-dir', str(tmp_path)])
    with pytest.raises(SystemExit, match='^error: .*nowhere.pth'):
        run_mmpose_tool('test.py')
