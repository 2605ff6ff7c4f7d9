import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import torch
from test_resume import OBJECTIVES

from mmpose_kd.checkpoint import load_checkpoint

SCRIPT = '''
import hashlib, json, sys
import torch
import mmpose_kd
from mmengine.config import Config
from mmengine.runner import Runner
runner = Runner.from_cfg(Config.fromfile(sys.argv[1]))
runner.train()
model = runner.model.module
def digest(state):
    return hashlib.sha256(b''.join(v.detach().numpy().tobytes() for v in state.values())).hexdigest()
json.dump(dict(wrapper=type(runner.model).__name__, unused=runner.model.find_unused_parameters,
               buckets=sum(p.numel() for p in runner.model.parameters()),
               student=digest(dict(model.named_parameters())), connectors=digest(model.objectives.state_dict()),
               teacher=digest(model.teachers['teacher'].model.state_dict())),
          open(f'{sys.argv[2]}/rank{torch.distributed.get_rank()}.json', 'w'))
'''


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    """What each of two gloo processes ends with after training on the CPU."""
    folder = tmp_path_factory.mktemp('ddp')
    torch.save(tiny.build(tiny.pose_model(8)).state_dict(), folder / 'teacher.pth')
    model = dict(
        tiny.pose_model(),
        type='MultiKDDistiller',
        teacher=dict(config=tiny.pose_model(8), checkpoint=str(folder / 'teacher.pth')),
        objectives={**OBJECTIVES, 'loss_vkd': dict(OBJECTIVES['loss_vkd'], weight=dict(type='Stop', value=1., at=0.5))})
    model['objectives']['loss_fkd'] = dict(OBJECTIVES['loss_fkd'], connector=dict(
        type='ConvAligner', init_cfg=dict(type='Normal', layer='Conv2d', std=0.1)))
    cfg = tiny.runner_cfg(model, folder / 'run', epochs=1, samples=16, batch_size=4, launcher='pytorch',
                          env_cfg=dict(dist_cfg=dict(backend='gloo')), find_unused_parameters=False,
                          randomness=dict(seed=0, diff_rank_seed=True))  # each initialises its own connectors
    cfg.dump(str(folder / 'cfg.py'))
    (folder / 'script.py').write_text(SCRIPT)
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_port=0', '--standalone',
               str(folder / 'script.py'), str(folder / 'cfg.py'), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2],
                          env=dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES=''), timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((folder / f'rank{r}.json').read_text()) for r in (0, 1)], folder


def test_ranks_end_with_the_same_student_and_connectors(ranks):
    (first, second), _ = ranks
    assert first['wrapper'] == 'MMDistributedDataParallel'
    assert not first['unused']
    assert first == second


def test_ddp_holds_no_parameter_of_the_teacher(ranks):
    (first, _), folder = ranks
    student = sum(p.numel() for p in tiny.build(tiny.pose_model()).parameters())
    checkpoint = load_checkpoint(str(folder / 'run' / 'epoch_1.pth'))
    connectors = sum(v.numel() for v in checkpoint['distillation']['objectives'].values())
    assert first['buckets'] == student + connectors


def test_checkpoint_of_two_ranks_is_the_plain_students(ranks):
    _, folder = ranks
    checkpoint = load_checkpoint(str(folder / 'run' / 'epoch_1.pth'))
    tiny.build(tiny.pose_model()).load_state_dict(checkpoint['state_dict'], strict=True)
