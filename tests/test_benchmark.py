"""The benchmark of models in use: what it says of them, not how fast they are."""
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny
from mmengine.config import Config

from mmpose_kd.benchmark import Row, _session, benchmark, report
from mmpose_kd.errors import ConfigError

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


@pytest.mark.parametrize('device, refused', [('cuda:0', True), ('cpu', False)])
def test_onnx_runtime_does_not_measure_the_processor_in_place_of_a_gpu(device, refused, monkeypatch):
    session = SimpleNamespace(get_providers=lambda: ['CPUExecutionProvider'])
    runtime = SimpleNamespace(SessionOptions=SimpleNamespace, InferenceSession=lambda *args, **kwargs: session)
    monkeypatch.setattr('mmpose_kd.deploy.onnx.onnx_package', lambda name: runtime)
    monkeypatch.setattr('mmpose_kd.deploy.onnx.write_onnx', lambda *args: None)
    setting, model = dict(device=device, threads=1), SimpleNamespace(head=None)
    if refused:
        with pytest.raises(ConfigError, match='cannot use the device "cuda:0", as it has no CUDAExecutionProvider'):
            _session(model, (64, 64), setting)
    else:
        assert _session(model, (64, 64), setting) is session


def test_the_table_has_a_row_for_each_measurement():
    rows = [Row('a', 'eager', 1.5, 0.25, 8, 2.0, 3.0, 400.0, 12.0, 1.0)]
    assert report(rows, dict(machine='a, 2 cores', threads=1)).splitlines()[2:] == [
        '| a | eager | 1.50 | 0.250 | 2.00 | 3.00 | 1.00 | 400 (batch 8) | 12 |', '', 'machine a, 2 cores, threads 1']


def tool(*args):
    command = [sys.executable, '-W', 'ignore', str(TOOL), *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_tool_writes_json_table_and_plot(configs, tmp_path):
    done = tool(*configs, '--rounds', '2', '--batch', '2', '--threads', '1', '--accuracy', '60', '61',
                '--out', str(tmp_path / 'out'))
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / 'out/benchmark.json').read_text())['rows']
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
