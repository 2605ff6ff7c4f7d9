import pytest
import torch
from mmpose.registry import MODELS
from precision import HALF

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.losses import hierarchical_context_loss
from mmpose_kd.models.taps import Record

STUDENT = {'s1': (6, 16, 12), 's2': (8, 8, 6), 's3': (10, 8, 6)}  # the last stage has the stride of the one before
TEACHER = {'t1': (3, 16, 12), 't2': (4, 8, 6), 't3': (5, 4, 3)}

CONFIG = dict(
    type='ReviewKDObjective',
    student_taps=['s1', 's2', 's3'],
    teacher_taps=['t1', 't2', 't3'],
    student_channels=[6, 8, 10],
    teacher_channels=[3, 4, 5],
    student_strides=[8, 16, 16],
    teacher_strides=[8, 16, 32])


def objective(**delta):
    torch.manual_seed(0)
    return build(MODELS, {**CONFIG, **delta}, 'model.objectives.loss_review')


def record(shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Record(taps={name: torch.randn(2, *shape, generator=generator) for name, shape in shapes.items()})


def test_stages_are_fused_from_deep_to_shallow_and_summed():
    module, student, teacher = objective(), record(STUDENT), record(TEACHER, 1)
    value = module(student, teacher, [])
    shallow, middle, deep = module.connectors
    out3, fused = deep(student['s3'])
    out2, fused = middle(student['s2'], fused)
    out1, _ = shallow(student['s1'], fused)
    pairs = [(out1, 't1'), (out2, 't2'), (out3, 't3')]
    expected = sum(hierarchical_context_loss(aligned, teacher[tap]).mean() for aligned, tap in pairs)
    torch.testing.assert_close(value, expected)


def test_every_parameter_and_student_feature_gets_a_gradient():
    module, student = objective(), record(STUDENT)
    for feature in student.taps.values():
        feature.requires_grad_()
    module(student, record(TEACHER, 1), []).backward()
    assert all(p.grad.abs().sum() > 0 for p in [*module.parameters(), *student.taps.values()])


def test_a_teacher_stage_guides_its_own_and_the_later_student_stages_only():
    module, student, teacher = objective(), record(STUDENT), record(TEACHER, 1)
    for feature in student.taps.values():
        feature.requires_grad_()

    def gradient_of(stage):
        others = Record(taps={**teacher.taps, f't{stage}': teacher[f't{stage}'] + 1})
        a = torch.autograd.grad(module(student, teacher, []), list(student.taps.values()))
        b = torch.autograd.grad(module(student, others, []), list(student.taps.values()))
        return [not torch.equal(x, y) for x, y in zip(a, b)]

    assert gradient_of(1) == [True, True, True]
    assert gradient_of(2) == [False, True, True]
    assert gradient_of(3) == [False, False, True]


@pytest.mark.parametrize('channels, mid, width', [([6, 8, 10], None, 10), ([6, 8, 600], None, 512), ([6, 8, 10], 7, 7)])
def test_width_of_the_fused_maps(channels, mid, width):
    module = objective(student_channels=channels, mid_channels=mid)
    assert [c.project[0].out_channels for c in module.connectors] == [width] * 3


@pytest.mark.parametrize('width', [0, -1, 1.5, True])
def test_a_width_that_is_no_number_of_channels_is_refused(width):
    with pytest.raises(ConfigError, match=f'mid_channels={width}: expected a whole number of at least 1'):
        objective(mid_channels=width)


@HALF
def test_half_precision(dtype):
    module, student, teacher = objective(), record(STUDENT), record(TEACHER, 1)
    exact = module(student, teacher, [])
    with torch.autocast('cpu', dtype=dtype):
        value = module(student, teacher, [])
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, exact, rtol=0.02, atol=0.)


def test_wrong_channels_are_named():
    with pytest.raises(ConfigError, match=r"student 's2' gives \(2, 8, 8, 6\), but student_channels\[1\] is 9"):
        objective(student_channels=[6, 9, 10])(record(STUDENT), record(TEACHER), [])


def test_wrong_strides_are_named():
    with pytest.raises(ConfigError, match=r"student 's3' gives \(2, 10, 8, 6\), which ABFConnector makes "
                       r"\(2, 5, 8, 6\); teacher 't3' gives \(2, 5, 4, 3\).*"
                       r'Set student_strides\[2\]'):
        objective(teacher_strides=[8, 16, 16])(record(STUDENT), record(TEACHER), [])


@pytest.mark.parametrize('delta', [
    dict(teacher_taps=['t1', 't2']), dict(student_channels=[6, 8]), dict(teacher_channels=3),
    dict(student_strides=[8]), dict(student_taps=[])], ids=str)
def test_lists_of_other_lengths_are_refused(delta):
    with pytest.raises(ConfigError, match=r'model\.objectives\.loss_review: .*must be a list'):
        objective(**delta)
