"""The benchmarks of a training step run, and their rows are what they say."""
import importlib
import logging
import multiprocessing
import re
import sys
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
STUDENT, TEACHER, KD = (
    str(ROOT / 'configs' / name) for name in (
        'students/resnet_simdr_synthetic-64x64.py', 'teachers/hrnet-w8_simdr_synthetic-64x64.py',
        'baselines/kd_resnet_hrnet-w8_synthetic-64x64.py'))
CPU = torch.device('cpu')


@pytest.fixture
def script(monkeypatch):
    """Loads a script of benchmarks/ by the name that the others, and its processes, import it by."""
    monkeypatch.syspath_prepend(str(ROOT / 'benchmarks'))
    yield importlib.import_module
    logging.disable(logging.NOTSET)


@pytest.fixture
def run(script, monkeypatch, capfd):
    """Runs a script and returns the lines that it prints."""

    def run(name, *args):
        monkeypatch.setattr(sys, 'argv', [name, *args, '--batch-size', '2'])
        script(name).main()
        return capfd.readouterr().out.strip().splitlines()

    return run


def test_steps_are_timed(run):
    head, student, distilled = run('step_cost', STUDENT, KD, '--rounds', '1', '--warm-up', '1', '--device', 'cpu')
    assert head.endswith('batch 2, 1 rounds')
    assert re.fullmatch(r'resnet_simdr_synthetic-64x64 .* ms  x 1\.00', student)
    assert re.fullmatch(r'kd_resnet_hrnet-w8_synthetic-64x64 .* ms  x \d+\.\d\d', distilled)


def test_steps_are_timed_against_stock_ones(run):
    rows = run('stock_cost', STUDENT, STUDENT, KD, '--rounds', '1', '--warm-up', '0', '--device', 'cpu')[2:]
    assert [row.split('  ')[0] for row in rows] == [
        'stock student', 'stock student + stock teacher in float32', 'DWPoseDistiller', Path(STUDENT).stem,
        Path(KD).stem]


def test_memory_of_steps_is_measured(run):
    rows = run('stock_cost', STUDENT, TEACHER, KD, '--memory', '--no-dwpose', '--device', 'cpu')[1:]
    assert len(rows) == 4
    assert all(float(re.search(r'(\S+) MB', row)[1]) > 5 for row in rows)
    assert rows[0].endswith('x 1.00')


def test_a_process_that_fails_ends_the_measurement_of_memory(run, capfd):
    with pytest.raises(SystemExit, match='stock student: the process that measures it ended with exit code 1'):
        run('stock_cost', STUDENT, TEACHER, KD, '--memory', '--device', 'cpu', '--cfg-options',
            'model.backbone.depth=19')
    assert 'invalid depth 19' in capfd.readouterr().err


def test_a_process_that_fails_ends_those_that_wait_for_it(script):
    context = multiprocessing.get_context('spawn')
    processes = [context.Process(target=time.sleep, args=(600, )), context.Process(target=sys.exit, args=(3, ))]
    for process in processes:
        process.start()
    with pytest.raises(SystemExit, match='2 processes: .* exit code 3'):
        script('step_cost').join(processes, '2 processes')
    assert not processes[0].is_alive()


def test_processes_that_succeed_are_waited_for(script):
    process = multiprocessing.get_context('spawn').Process(target=time.sleep, args=(0, ))
    process.start()
    script('step_cost').join([process], 'one')
    assert process.exitcode == 0


@pytest.mark.parametrize('configs, options', [([STUDENT, KD], []), ([STUDENT, STUDENT], ['--data'])])
def test_bytes_that_are_sent_are_counted(configs, options, run):
    lines = run('comm_cost', *configs, '--processes', '1', *options)
    size = 4 * sum(p.numel() for p in importlib.import_module('step_cost').Step(STUDENT, 2, CPU, {}).model.parameters())
    lines = [line for line in lines if 'gradients' in line]  # gloo has its say, too
    assert len(lines) == 2
    for line in lines:
        assert f'gradients {size / 1e6:7.3f} MB, of connectors   0.000 MB, other collectives 0 bytes' in line


def test_a_step_is_in_the_precision_of_its_optimizer_wrapper(script):
    step = script('step_cost').Step(STUDENT, 2, CPU, {})
    step.optimizer.optim_context = lambda model: torch.autocast('cpu', torch.bfloat16)
    seen = []
    step.model.backbone.conv1.register_forward_hook(lambda module, args, output: seen.append(output.dtype))
    step()
    assert seen == [torch.bfloat16]


def test_the_stock_teacher_stays_in_float32(script):
    step = script('stock_cost').StockStep(STUDENT, TEACHER, 2, CPU, {})
    step.optimizer.optim_context = lambda model: torch.autocast('cpu', torch.bfloat16)
    seen = []
    step.teacher.backbone.conv1.register_forward_hook(lambda module, args, output: seen.append(output.dtype))
    step()
    assert seen == [torch.float32]


@pytest.mark.parametrize('row', ['student', 'distilled', 'stock', 'with a teacher', 'DWPose'])
def test_options_reach_every_row(row, script):
    options = {'optim_wrapper.optimizer.lr': 0.125, 'model.teacher.precision': 'bf16',
               'model.objectives.loss_kd.weight': 2.0}
    stock, settings = script('stock_cost'), (2, CPU, options)
    step = {
        'student': lambda: stock.Step(STUDENT, *settings),
        'distilled': lambda: stock.Step(KD, *settings),
        'stock': lambda: stock.StockStep(STUDENT, '', *settings),
        'with a teacher': lambda: stock.StockStep(STUDENT, TEACHER, *settings),
        'DWPose': lambda: stock.DWPoseStep(STUDENT, STUDENT, *settings),
    }[row]()
    assert [group['lr'] for group in step.optimizer.param_groups] == [0.125] * len(step.optimizer.param_groups)


def test_options_of_a_distiller_reach_the_distilled_config_alone(script):
    options = {'model.teacher.precision': 'bf16', 'model.objectives.loss_kd.weight': 2.0}
    read_row = script('step_cost').read_row
    assert read_row(KD, options).model.teacher.precision == 'bf16'
    assert read_row(KD, options).model.objectives.loss_kd.weight == 2.0
    assert read_row(STUDENT, options).model == read_row(STUDENT, {}).model
