"""The benchmark of models in use: what it says of them, not how fast they are."""
import ctypes
import json
import multiprocessing
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch
from mmengine.config import Config

from mmpose_kd.benchmark import Row, _peak, _serve, _session, _Worker, benchmark, report
from mmpose_kd.errors import ConfigError
from mmpose_kd.machine import use_gpu

TOOL = Path(__file__).parents[1] / 'tools/benchmark.py'


@pytest.fixture
def configs(tmp_path):
    """A plain student and the same distilled, as files."""
    plain = tiny.pose_model()
    distilled = dict(
        plain, type='MultiKDDistiller', teacher=dict(config=tiny.pose_model(8), checkpoint='none.pth'),
        objectives=dict(loss_kd=dict(type='OutputObjective')))
    for name, model in dict(plain=plain, distilled=distilled).items():
        Config(dict(model=model, default_scope='mmpose')).dump(str(tmp_path / f'{name}.py'))
    return [str(tmp_path / f'{name}.py') for name in ('plain', 'distilled')]


def test_a_distilled_config_is_measured_as_its_student(configs):
    plain, distilled = benchmark(configs, rounds=3, batch=2, threads=1)
    expected = sum(p.numel() for p in tiny.build(tiny.pose_model()).parameters()) / 1e6
    assert plain.params == distilled.params == pytest.approx(expected)
    assert plain.gmacs == distilled.gmacs > 0
    assert plain.ratio == 1 and plain.latency_p90_ms >= plain.latency_ms > 0
    assert plain.batch_p90_ms >= plain.batch_ms > 0 and plain.throughput == pytest.approx(2 / plain.batch_ms * 1000)


def test_a_backend_that_is_named_twice_is_measured_once(configs):
    assert len(benchmark(configs[:1], ['eager', 'eager'], rounds=1, batch=1, threads=1)) == 1


def test_mistakes_are_named(configs, tmp_path):
    with pytest.raises(ConfigError, match='backend "eagre" given.* Did you mean .eager'):
        benchmark(configs, ['eagre'])
    for name in ('batch', 'rounds', 'threads'):
        with pytest.raises(ConfigError, match=f'--{name} -1 given, expected at least 1'):
            benchmark(configs, **{name: -1})
    with pytest.raises(ConfigError, match='--threads 0 given'):
        benchmark(configs, threads=0)
    with pytest.raises(ConfigError, match='config "absent.py" does not exist'):
        benchmark(['absent.py'])
    broken = tmp_path / 'broken.py'
    Config(dict(model=dict(tiny.pose_model(), backbone=dict(type='ResNet', depth=19)))).dump(str(broken))
    with pytest.raises(ConfigError, match='broken: eager: KeyError: .*invalid depth 19'):
        benchmark([str(broken)], threads=1)


def test_onnx_runtime_has_no_memory_formats(configs):
    with pytest.raises(ConfigError, match='--channels-last and the backend "onnx" given, expected one of the two'):
        benchmark(configs, ['eager', 'onnx'], channels_last=True)


@pytest.mark.parametrize('device, selected', [('cuda', [0]), ('cuda:1', [1]), (torch.device('cuda'), [0]), ('cpu', [])])
def test_a_gpu_is_selected_with_or_without_an_index(device, selected, monkeypatch):
    calls = []
    monkeypatch.setattr(torch._C, '_cuda_setDevice', calls.append, raising=False)
    use_gpu(device)
    assert calls == selected


def test_memory_counts_that_earlier_work_left_in_the_heap():
    def blocks(number):  # 64 KB each, which the heap holds
        return [np.ones(2**13) for _ in range(number)]

    earlier, above = blocks(1024), blocks(1)
    del earlier  # 64 MB that cannot shrink the heap, for what lies above
    measured = _peak(lambda: blocks(512), 'cpu')
    if measured == 0 and not (hasattr(ctypes.CDLL(None), 'malloc_trim') and Path('/proc/self/clear_refs').exists()):
        pytest.skip('the system does not tell')
    assert 30 < measured < 40, above


@pytest.mark.parametrize('backend, before', [
    ('eager', ['latency', 'batch']), ('compile', ['latency', 'batch']), ('onnx', [])])
def test_what_a_backend_makes_once_is_no_memory_of_a_run(backend, before, monkeypatch):
    calls, sent = [], []
    monkeypatch.setattr('mmpose_kd.benchmark.logging.disable', lambda level: None)
    monkeypatch.setattr('mmpose_kd.benchmark._network', lambda config: (None, (8, 8)))
    monkeypatch.setattr('mmpose_kd.benchmark._facts', lambda network, size: {})
    monkeypatch.setattr('mmpose_kd.benchmark._runner', lambda network, images, setting: calls.append)
    monkeypatch.setattr('mmpose_kd.benchmark._peak', lambda run, device: calls.append('peak') or 12.0)

    def nobody_asks():
        raise EOFError

    setting = dict(backend=backend, batch=2, threads=torch.get_num_threads(), device='cpu')
    _serve('config.py', setting, SimpleNamespace(send=sent.append, recv=nobody_asks))
    assert calls[:calls.index('peak')] == before
    assert sent == [('facts', dict(memory_mb=12.0))]


@pytest.fixture
def runtime(monkeypatch):
    """ONNX Runtime without GPUs, which exports nothing; remembers the options of its session."""

    class SessionOptions:

        def __init__(self):
            self.entries = {}

        def add_session_config_entry(self, key, value):
            self.entries[key] = value

    def session(path, options, providers):
        fake.options = options
        return fake.session

    fake = SimpleNamespace(SessionOptions=SessionOptions, InferenceSession=session,
                           session=SimpleNamespace(get_providers=lambda: ['CPUExecutionProvider']))
    monkeypatch.setattr('mmpose_kd.deploy.onnx.onnx_package', lambda name: fake)
    monkeypatch.setattr('mmpose_kd.deploy.onnx.write_onnx', lambda *args: None)
    return fake


def test_threads_of_onnx_runtime_rest_while_others_measure(runtime):
    _session(SimpleNamespace(head=None), (64, 64), dict(device='cpu', threads=2))
    assert runtime.options.entries == {'session.force_spinning_stop': '1'}
    assert runtime.options.intra_op_num_threads == 2


@pytest.mark.parametrize('device, refused', [('cuda:0', True), ('cpu', False)])
def test_onnx_runtime_does_not_measure_the_processor_in_place_of_a_gpu(device, refused, runtime):
    setting, model = dict(device=device, threads=1), SimpleNamespace(head=None)
    if refused:
        with pytest.raises(ConfigError, match='cannot use the device "cuda:0", as it has no CUDAExecutionProvider'):
            _session(model, (64, 64), setting)
    else:
        assert _session(model, (64, 64), setting) is runtime.session


def test_a_model_whose_answer_nobody_reads_any_more_ends_in_silence(configs):
    context = multiprocessing.get_context('spawn')
    ours, theirs = context.Pipe()
    setting = dict(backend='eager', batch=1, threads=1, device='cpu', channels_last=False)
    process = context.Process(target=_serve, args=(configs[0], setting, theirs))
    process.start()
    theirs.close()
    assert ours.poll(300)
    ours.close()  # as when the benchmark is stopped just then
    process.join(60)
    assert process.exitcode == 0


def test_a_process_that_has_ended_is_named_when_it_is_asked():
    worker = _Worker.__new__(_Worker)
    worker.name, (worker.connection, theirs) = 'student', multiprocessing.Pipe()
    theirs.close()
    with pytest.raises(ConfigError, match='student: the process that measures it ended'):
        worker.ask('latency')


def test_the_table_has_a_row_for_each_measurement():
    rows = [Row('a', 'eager', 1.5, 0.25, 8, 2.0, 3.0, 400.0, 20.0, 21.0, 12.0, 1.0)]
    assert report(rows, dict(machine='a, 2 cores', threads=1)).splitlines()[2:] == [
        '| a | eager | 1.50 | 0.250 | 2.00 | 3.00 | 1.00 | 400 (batch 8) | 20.00 | 21.00 | 12 |', '',
        'machine a, 2 cores, threads 1']


def tool(*args):
    command = [sys.executable, '-W', 'ignore', str(TOOL), *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_tool_writes_json_table_and_plot(configs, tmp_path):
    done = tool(*configs, '--rounds', '2', '--batch', '2', '--threads', '1', '--accuracy', '60', '61',
                '--out', str(tmp_path / 'out'))
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / 'out/benchmark.json').read_text())
    rows = content['rows']
    assert (content['rounds'], content['channels_last']) == (2, False)
    assert [(row['name'], row['backend']) for row in rows] == [('plain', 'eager'), ('distilled', 'eager')]
    assert '| plain | eager |' in (tmp_path / 'out/benchmark.md').read_text()
    assert (tmp_path / 'out/benchmark.png').stat().st_size > 5000


def test_values_of_accuracy_that_do_not_fit_are_refused(configs):
    done = tool(*configs, '--accuracy', '60')
    assert done.returncode != 0 and '1 values of accuracy for 2 configs' in done.stderr


def test_it_says_which_share_of_the_work_is_done(configs):
    told = []
    benchmark(configs, rounds=2, batch=2, threads=1, progress=lambda text, share: told.append((text, share)))
    texts, shares = zip(*told)
    assert texts == ('eager: plain', 'eager: distilled', *['eager: latency'] * 2, *['eager: batch'] * 3)
    assert shares == pytest.approx([i / 7 for i in range(7)])
