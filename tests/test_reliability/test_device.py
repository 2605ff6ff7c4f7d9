"""A training step leaves the host and the device to work beside each other, as on a GPU they can.

Tensors of the meta device have shapes and no values. A model that is moved there stands for one on a GPU: it fails
where a value is read back, and where it meets a tensor that was left on the CPU. What else makes the host wait is
looked for in the calls: numbers that are copied to the device, and are not ``non_blocking``, and indices that are no
tensors of it.
"""
import contextlib
from pathlib import Path

import pytest
import tiny
import torch
from mmengine.registry import init_default_scope
from mmpose.models.heads.heatmap_heads import cpm_head
from steps import trainable
from torch import Tensor
from torch.overrides import TorchFunctionMode

from mmpose_kd.keypoints import keypoint_names, parse_metainfo
from mmpose_kd.models.constants import constant
from mmpose_kd.models.distillers.teacher import Teacher

ROOT = Path(__file__).parents[2]
CONFIGS = sorted(str(path) for path in ROOT.glob('configs/*/*_synthetic-64x64.py'))
META = 'configs/_base_/datasets/{}.py'
PERSONS = 3


class Waits(TorchFunctionMode):
    """Collects the calls by which numbers go from the host to the meta device while the host waits."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = getattr(func, '__name__', str(func))
        given = [x for x in args if isinstance(x, Tensor)]
        made = isinstance(result, Tensor) and result.is_meta
        if name in ('tensor', 'as_tensor', 'new_tensor') and made:
            self.calls.append(name)
        elif name in ('to', 'cuda', 'copy_') and made and not all(x.is_meta for x in given):
            if not (kwargs or {}).get('non_blocking'):
                self.calls.append(name)
        elif name in ('__getitem__', '__setitem__') and given and given[0].is_meta:
            indices = args[1] if isinstance(args[1], tuple) else (args[1], )
            if any(isinstance(i, list) or (isinstance(i, Tensor) and (not i.is_meta or i.dtype == torch.bool))
                   for i in indices):
                self.calls.append(name)
        return result


@pytest.fixture(autouse=True)
def _autocast_on_meta(monkeypatch):
    """PyTorch has no autocast for the meta device; nothing is computed there."""
    autocast = torch.autocast
    monkeypatch.setattr(torch, 'autocast', lambda device_type, *args, **kwargs: (
        contextlib.nullcontext() if device_type == 'meta' else autocast(device_type, *args, **kwargs)))
    init_default_scope('mmpose')


@pytest.mark.parametrize('waits', [
    lambda x: torch.tensor([1.], device=x.device),
    lambda x: x.new_tensor([1.]),
    lambda x: torch.ones(2).to(x),
    lambda x: x[[0, 1]],
    lambda x: x[torch.tensor([0])],
    lambda x: x[:, [0]],
])
def test_what_waits_is_noticed(waits):
    x = torch.ones(2, 2, device='meta')
    with Waits() as mode:
        waits(x)
    assert len(mode.calls) == 1


@pytest.mark.parametrize('reads', [lambda x: x.sum().item(), lambda x: torch.equal(x, x), lambda x: x.cpu(),
                                   lambda x: bool(x[0] > 0), lambda x: x + torch.ones(2)])
def test_what_reads_or_mixes_fails(reads):
    with pytest.raises(RuntimeError):
        reads(torch.ones(2, device='meta'))


def test_constants_do_not_wait():
    x = torch.ones(2, device='meta')
    with Waits() as mode:
        made = constant([[1, 2]], x, torch.long)
    assert (mode.calls, made.device, made.dtype, made.shape) == ([], x.device, torch.long, (1, 2))
    assert constant([1, 2.5], torch.ones(1)).tolist() == [1, 2.5]


def step_on_meta(model, data):
    """Losses of a step on the meta device after one on the CPU, whose first step checks values; and what waited."""
    model.loss(data['inputs'], data['data_samples'])
    model.to('meta')
    inputs, samples = data['inputs'].to('meta'), [sample.to('meta') for sample in data['data_samples']]
    with Waits() as mode:
        losses = model.loss(inputs, samples)
        sum(value for name, value in losses.items() if 'loss' in name).backward()
    return losses, mode.calls


@pytest.mark.parametrize('path', CONFIGS, ids=[Path(path).stem for path in CONFIGS])
def test_no_step_waits_for_the_device(path, monkeypatch):
    expected = []
    if 'lspd' in path:  # MMPose's CPMHead measures its accuracy by NumPy, and cannot be told not to
        monkeypatch.setattr(cpm_head, 'to_numpy', lambda x: x)
        monkeypatch.setattr(cpm_head, 'pose_pck_accuracy', lambda **kwargs: (None, 0., None))
        expected = ['tensor']  # the accuracy goes back to the device
    losses, waits = step_on_meta(*trainable(path, PERSONS))
    assert all(value.is_meta for value in losses.values()) and waits == expected


@pytest.mark.parametrize('head, shapes', [('simcc', [(2, 17, 128)] * 2), ('heatmap', [(2, 17, 16, 16)])])
def test_a_teacher_of_other_joints_size_and_colours_does_not_wait(head, shapes):
    student = tiny.build(tiny.pose_model())
    cfg = tiny.pose_model(8, size=(96, 96), keypoints=133, head=head)
    cfg['data_preprocessor'] = dict(type='PoseDataPreprocessor', mean=[1., 2., 3.], std=[4., 5., 6.])
    teacher = Teacher(cfg, allow_random_weights=True, metainfo=dict(from_file=META.format('coco_wholebody')))
    teacher.match_keypoints(keypoint_names(parse_metainfo(dict(from_file=META.format('coco')))), 17)
    inputs = torch.rand(2, 3, 64, 64)
    teacher.answer(inputs, student.data_preprocessor)
    inputs, outputs = inputs.to('meta'), tuple(torch.empty(shape, device='meta') for shape in shapes)
    teacher.to(inputs.device)
    student.to('meta')
    with Waits() as mode:
        record = teacher.answer(inputs, student.data_preprocessor)
        record = teacher.translate(record, inputs, outputs if len(outputs) > 1 else outputs[0])
    got = record.outputs if len(outputs) > 1 else [record.outputs]
    assert [(x.is_meta, tuple(x.shape)) for x in got] == [(True, shape) for shape in shapes] and mode.calls == []
