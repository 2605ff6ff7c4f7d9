"""Trainings that are killed and resumed end with the weights of one that was not, bit for bit."""
import collections
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import torch

from mmpose_kd.checkpoint import load_checkpoint

EPOCHS = 8
KEYS = ('state_dict', 'ema_state_dict', 'distillation', 'optimizer', 'param_schedulers')
TAPS = ['backbone.layer2', 'backbone.layer3']
OBJECTIVES = dict(
    loss_cross=dict(
        type='CrossStageObjective', student_taps=TAPS, teacher_taps=TAPS, student_channels=[8, 16],
        teacher_channels=[16, 32], student_strides=[8, 16], teacher_strides=[8, 16],
        allocation=dict(type='WeightAllocation', batch_size=4), weight=dict(type='Linear', start=1e-2, end=0.)),
    loss_fkd=dict(
        type='FeatureObjective', student_taps=TAPS, teacher_taps=TAPS, student_channels=[8, 16],
        teacher_channels=[16, 32], connector=dict(type='ConvAligner'), loss=dict(type='FeatureMSELoss'),
        weight=dict(type='WarmUp', weight=1., until=0.5)),
    loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=dict(type='Stop', value=1., at=0.7)))


def write_config(folder):
    torch.manual_seed(3)
    torch.save(tiny.build(tiny.pose_model(8)).state_dict(), folder / 'teacher.pth')
    model = dict(
        tiny.pose_model(), type='MultiKDDistiller', objectives=OBJECTIVES,
        teacher=dict(config=tiny.pose_model(8), checkpoint=str(folder / 'teacher.pth'), report_metric=False))
    cfg = tiny.runner_cfg(
        model, folder, EPOCHS, samples=16,
        custom_imports=dict(imports=['mmpose_kd']),
        custom_hooks=[dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.1, update_buffers=True)],
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3), accumulative_counts=3))
    cfg.randomness.deterministic = True
    cfg.default_hooks.checkpoint.update(max_keep_ckpts=1, save_best='PCK', rule='greater')
    cfg.dump(str(folder / 'cfg.py'))
    return str(folder / 'cfg.py')


def bits(value):
    """A nested structure as plain bytes and text, to be compared."""
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: bits(entry) for key, entry in value.items()}
    return [bits(entry) for entry in value] if isinstance(value, (list, tuple)) else repr(value)


@pytest.mark.soak
def test_killed_at_twenty_moments_the_end_is_the_same_bit_for_bit(tmp_path):
    config = write_config(tmp_path)
    killer = str(Path(__file__).with_name('killer.py'))
    done = subprocess.run([sys.executable, '-W', 'ignore', killer, config, str(tmp_path), '20'], capture_output=True,
                          text=True, env=dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES=''), timeout=1500)
    logs = ''.join(path.read_text()[-2000:] for path in tmp_path.glob('*/output.txt'))
    assert done.returncode == 0, done.stderr[-2000:] + logs
    report = json.loads(done.stdout.splitlines()[-1])
    assert collections.Counter(report['kills']) == dict(at_a_moment=10, writing=5, before_the_name=5)
    expected = load_checkpoint(str(tmp_path / 'whole' / f'epoch_{EPOCHS}.pth'))
    for run in range(1, report['runs'] + 1):
        found = load_checkpoint(str(tmp_path / str(run) / f'epoch_{EPOCHS}.pth'))
        for key in KEYS:
            assert bits(found[key]) == bits(expected[key]), f'run {run}: {key}'
