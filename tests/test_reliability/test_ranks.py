"""Several processes against one: every system's losses and gradients, a shared cache, uneven batches, and death."""
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny
import torch

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(str(path) for path in ROOT.glob('configs/*/*_synthetic-64x64.py')
                 if path.parent.name not in ('students', 'teachers', '_base_'))
SYSTEMS = [Path(path).stem.split('_')[0] for path in CONFIGS]
COMPARE_PERSONS = ('multi-kd', 'rkd', 'sp')
DRAW = ('cdkd', )  # random masks
pytestmark = pytest.mark.soak
ENV = dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')


def torchrun(processes, *arguments, timeout=900):
    command = [sys.executable, '-W', 'ignore', '-m', 'torch.distributed.run', f'--nproc_per_node={processes}',
               '--master_port=0', '--standalone', *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=ENV, timeout=timeout)


def cached_config(folder, processes):
    """A training with a cache, with one person in the last batches and one too few for all processes."""
    taps = dict(student_taps=['backbone.layer3'], teacher_taps=['backbone.layer3'])
    objectives = dict(
        loss_kd=dict(type='OutputObjective'),
        loss_rkd=dict(type='FeatureObjective', loss=dict(type='RKDLoss'), **taps),
        loss_sp=dict(type='FeatureObjective', loss=dict(type='SimilarityLoss'), **taps),
        loss_wa=dict(type='CrossStageObjective', student_channels=[16], teacher_channels=[32], student_strides=[16],
                     teacher_strides=[16], allocation=dict(type='WeightAllocation', batch_size=4), **taps))
    model = dict(tiny.pose_model(), type='MultiKDDistiller', objectives=objectives, teacher=dict(
        config=tiny.pose_model(8), checkpoint=str(folder / 'teacher.pth'), cache=str(folder / 'cache'),
        report_metric=False))
    torch.save(tiny.build(tiny.pose_model(8)).state_dict(), folder / 'teacher.pth')
    cfg = tiny.runner_cfg(model, folder / 'run', epochs=2, samples=9 * processes - 1, batch_size=4, launcher='pytorch',
                          env_cfg=dict(dist_cfg=dict(backend='gloo')), find_unused_parameters=False)
    cfg.train_dataloader.sampler.round_up = True
    cfg.train_dataloader.dataset = dict(type='ViewDataset', num_views=2, dataset=cfg.train_dataloader.dataset)
    cfg.dump(str(folder / 'cached.py'))
    return str(folder / 'cached.py')


@pytest.fixture(scope='module', params=[2, 4])
def ranks(request, tmp_path_factory):
    """What each process found."""
    folder = tmp_path_factory.mktemp('ranks')
    script = str(Path(__file__).with_name('ranks.py'))
    done = torchrun(request.param, script, str(folder), cached_config(folder, request.param), *CONFIGS)
    assert done.returncode == 0, done.stderr[-8000:]
    return [json.loads((folder / f'rank{rank}.json').read_text()) for rank in range(request.param)]


@pytest.mark.parametrize('system', [name for name in SYSTEMS if name not in COMPARE_PERSONS + DRAW])
def test_losses_and_gradients_are_those_of_one_process(ranks, system):
    found = ranks[0]['systems'][system]
    for name, (alone, mean) in found['losses'].items():
        assert mean == pytest.approx(alone, rel=1e-5), name
    assert found['gradients'] < 1e-4


@pytest.mark.parametrize('system', COMPARE_PERSONS)
def test_what_compares_persons_sees_those_of_its_process(ranks, system):
    found = ranks[0]['systems'][system]
    assert found['losses']['loss_kpt'][1] == pytest.approx(found['losses']['loss_kpt'][0], rel=1e-5)
    assert found['gradients'] > 0.1


def test_ranks_train_with_one_cache_and_uneven_batches_to_the_same_weights(ranks):
    assert all(rank['steps'] == 6 for rank in ranks)
    assert len({rank['weights'] for rank in ranks}) == 1


DIES = """
import os, signal
import torch.distributed as dist
from mmpose.registry import MODELS
from mmpose_kd.models.objectives.base import Objective

@MODELS.register_module()
class DiesLater(Objective):
    def __init__(self, how):
        super().__init__(teacher='student')
        self.how, self.calls = how, 0

    def forward(self, student, teacher, data_samples):
        self.calls += 1
        if self.calls == 3 and dist.get_rank() == 1:
            print('DIES NOW', flush=True)
            if self.how == 'killed':
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError('the disk of rank 1 is on fire')
        return student.outputs[0].mean() * 0
"""


@pytest.mark.parametrize('how, message', [('error', 'RuntimeError: the disk of rank 1 is on fire'),
                                          ('killed', r'rank +: 1 .*exitcode +: -9')])
def test_a_rank_that_dies_ends_the_job_with_its_own_error(tmp_path, monkeypatch, how, message):
    (tmp_path / 'dies.py').write_text(DIES)
    monkeypatch.setitem(ENV, 'PYTHONPATH', os.pathsep.join([str(tmp_path), os.environ.get('PYTHONPATH', '')]))
    model = dict(tiny.pose_model(), type='MultiKDDistiller', objectives=dict(
        loss_mine=dict(type='DiesLater', how=how)))
    cfg = tiny.runner_cfg(model, tmp_path / 'run', epochs=2, samples=16, env_cfg=dict(dist_cfg=dict(backend='gloo')),
                          custom_imports=dict(imports=['mmpose_kd', 'dies']))
    cfg.dump(str(tmp_path / 'cfg.py'))
    with subprocess.Popen([sys.executable, '-W', 'ignore', '-m', 'torch.distributed.launch', '--nproc_per_node=2',
                           '--master_port=29531', str(ROOT / 'tools/train.py'), str(tmp_path / 'cfg.py'), '--launcher',
                           'pytorch'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV) as job:
        output = ''
        for line in job.stdout:
            output += line
            if 'DIES NOW' in line:
                began = time.monotonic()
        code = job.wait()
    assert code != 0
    assert re.search(message, output, re.DOTALL), output[-3000:]
    assert time.monotonic() - began < 60


def test_processes_with_different_numbers_of_batches_are_refused(tmp_path):
    model = dict(tiny.pose_model(), type='MultiKDDistiller', objectives=dict(
        loss_kd=dict(type='OutputObjective', teacher='student')))
    cfg = tiny.runner_cfg(model, tmp_path / 'run', samples=9, env_cfg=dict(dist_cfg=dict(backend='gloo')))
    cfg.dump(str(tmp_path / 'cfg.py'))
    done = torchrun(2, str(ROOT / 'tools/train.py'), str(tmp_path / 'cfg.py'), '--launcher', 'pytorch', timeout=120)
    assert 'error: train_dataloader: the processes have 2 and 1 batches' in done.stderr
