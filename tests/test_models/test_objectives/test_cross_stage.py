import numpy as np
import pytest
import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from precision import HALF
from torch import nn

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.taps import Record

N = 4
STUDENT = {'s1': (6, 8, 8), 's2': (8, 4, 4), 's3': (10, 2, 2)}  # strides 8, 16, 32 of a 64 x 64 input
TEACHER = {'t1': (3, 8, 8), 't2': (4, 4, 4), 't3': (5, 2, 2)}

CONFIG = dict(
    type='CrossStageObjective',
    student_taps=['s1', 's2', 's3'],
    teacher_taps=['t1', 't2', 't3'],
    student_channels=[6, 8, 10],
    teacher_channels=[3, 4, 5],
    student_strides=[8, 16, 32],
    teacher_strides=[8, 16, 32],
    connector=dict(type='ConvAligner'))
ALLOCATION = dict(type='WeightAllocation', batch_size=N)
TABLE_4 = {  # rows of the paper's ablation as deltas
    'cross-stage': dict(),
    'MFT': dict(connector=dict(type='MFTConnector')),
    'WA': dict(allocation=ALLOCATION),
    'MFT and WA': dict(connector=dict(type='MFTConnector'), allocation=ALLOCATION),
}
ROWS = pytest.mark.parametrize('delta', TABLE_4.values(), ids=TABLE_4)


def objective(**delta):
    torch.manual_seed(0)
    return build(MODELS, {**CONFIG, **delta}, 'model.objectives.loss_fkd')


def record(shapes, seed=0, n=N):
    generator = torch.Generator().manual_seed(seed)
    return Record(taps={name: torch.randn(n, *shape, generator=generator) for name, shape in shapes.items()})


def paper_loss(module, student, teacher):
    """Eq. 1 or Eq. 5 with loops over i, l and m, divided by the batch size."""
    gamma = None
    if module.allocation is not None:
        features = [[r[tap] for tap in taps] for r, taps in ((student, CONFIG['student_taps']),
                                                             (teacher, CONFIG['teacher_taps']))]
        gamma = module.allocation(*features).detach().numpy()
    total = 0.
    for i in range(N):
        pair = 0
        for l in range(3):  # noqa: E741
            for m in range(l, 3):
                aligned = module.connectors[pair](student[f's{m + 1}']).detach().numpy().astype(np.float64)
                distance = np.mean((teacher[f't{l + 1}'][i].numpy() - aligned[i])**2)
                total += distance if gamma is None else gamma[i, pair] * distance
                pair += 1
    return total / N


@ROWS
def test_equations_1_and_5(delta):
    module, student, teacher = objective(**delta), record(STUDENT), record(TEACHER, 1)
    expected = paper_loss(module, student, teacher)
    assert module(student, teacher, []).item() == pytest.approx(expected, rel=1e-5)


@ROWS
def test_every_parameter_and_student_feature_gets_a_gradient(delta):
    module, student = objective(**delta), record(STUDENT)
    for feature in student.taps.values():
        feature.requires_grad_()
    module(student, record(TEACHER, 1), []).backward()
    assert all(p.grad is not None for p in module.parameters())
    assert all(p.grad.abs().sum() > 0 for p in module.connectors.parameters())
    assert all(f.grad.abs().sum() > 0 for f in student.taps.values())


class Fixed(BaseModule):
    """Turns every student feature into ones of the teacher's shape."""

    def __init__(self, in_channels, out_channels, scale):
        super().__init__()
        self.channels, self.scale = out_channels, scale

    def forward(self, x):
        n, _, h, w = x.shape
        return torch.ones(n, self.channels, int(h * self.scale), int(w * self.scale))


def constant_teacher(values=(0., 1., 3.)):
    return Record(taps={name: torch.full((N, *shape), v) for (name, shape), v in zip(TEACHER.items(), values)})


def test_sum_over_pairs_by_hand():
    # student 1 everywhere; teacher 0, 1, 3: distances 1 for three pairs, 0 for two, 4 for one
    assert objective(connector=dict(type=Fixed))(record(STUDENT), constant_teacher(), []).item() == 7.


def test_weighted_sum_by_hand():
    module = objective(connector=dict(type=Fixed), allocation=ALLOCATION)
    for p in module.allocation.parameters():
        nn.init.zeros_(p)  # all vectors are zero, so the six weights are equal
    assert module(record(STUDENT), constant_teacher(), []).item() == pytest.approx(7 / 6)


def test_connectors_follow_the_channels_and_strides_of_their_pair():
    module = objective()
    shapes = [(c.project.in_channels, c.project.out_channels) for c in module.connectors]
    assert shapes == [(6, 3), (8, 3), (10, 3), (8, 4), (10, 4), (10, 5)]
    factors = [getattr(c.resize, 'stride', (1, 1))[0] for c in module.connectors]
    assert factors == [1, 2, 4, 1, 2, 1]


def test_fewer_teacher_than_student_stages():
    module = objective(teacher_taps=['t1'], teacher_channels=[3], teacher_strides=[8])
    assert module.pairs == [(0, 0), (0, 1), (0, 2)]
    assert module(record(STUDENT), record(TEACHER, 1), []) > 0


def test_duplicating_the_batch_changes_nothing_without_allocation():
    module, student, teacher = objective(connector=dict(type='MFTConnector')), record(STUDENT), record(TEACHER, 1)
    twice = [Record(taps={k: torch.cat([v, v]) for k, v in r.taps.items()}) for r in (student, teacher)]
    torch.testing.assert_close(module(*twice, []), module(student, teacher, []), rtol=1e-4, atol=1e-5)


@ROWS
def test_smaller_last_batch(delta):
    loss = objective(**delta)(record(STUDENT, n=2), record(TEACHER, 1, n=2), [])
    assert torch.isfinite(loss)


@HALF
@ROWS
def test_low_precision_is_close_to_float32_and_the_loss_is_float32(delta, dtype):
    module, student, teacher = objective(**delta), record(STUDENT), record(TEACHER, 1)
    with torch.autocast('cpu', dtype=dtype):
        loss = module(student, teacher, [])
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(module(student, teacher, []).item(), rel=0.02)


def test_loss_of_a_larger_batch_than_the_allocation_takes():
    with pytest.raises(ConfigError, match=r'at most 4 persons a batch and got 6: set allocation.batch_size=6'):
        objective(allocation=ALLOCATION)(record(STUDENT, n=6), record(TEACHER, 1, n=6), [])


def test_wrong_student_channels_name_the_entry_to_change():
    with pytest.raises(ConfigError, match=r"student 's3' gives \(4, 10, 2, 2\), .* set student_channels\[2\]=10"):
        objective(student_channels=[6, 8, 12])(record(STUDENT), record(TEACHER), [])


def test_wrong_teacher_channels_name_the_entry_to_change():
    with pytest.raises(ConfigError, match=r"teacher 't2' gives \(4, 4, 4, 4\), .* set teacher_channels\[1\]=4"):
        objective(teacher_channels=[3, 9, 5])(record(STUDENT), record(TEACHER), [])


def test_wrong_stride_names_both_shapes_and_the_ratio():
    with pytest.raises(ConfigError, match=r"student 's2' gives \(4, 8, 4, 4\), which ConvAligner makes \(4, 3, 8, 8\); "
                       r"teacher 't1' gives \(4, 3, 16, 16\)\. The teacher's map is 4 times as high and 4 times as "
                       r'wide\. Set student_strides\[1\] and teacher_strides\[0\]'):
        objective(student_strides=[16, 16, 32])(record(STUDENT), record({**TEACHER, 't1': (3, 16, 16)}), [])


def test_two_ratios_are_no_matter_of_the_strides():
    """An input 208 pixels wide has 13 cells at stride 16, and 7 at stride 32."""
    student, teacher = {'s2': (8, 4, 13), 's3': (10, 2, 7)}, {'t2': (4, 4, 13), 't3': (5, 2, 7)}
    with pytest.raises(ConfigError, match=r'2 times as high and 1\.85714 times as wide\. No strides have two ratios: '
                       'give student and teacher inputs of the same aspect ratio, whose sides are multiples of the '
                       r'largest stride\.$'):
        objective(student_taps=['s2', 's3'], teacher_taps=['t2', 't3'], student_channels=[8, 10],
                  teacher_channels=[4, 5], student_strides=[16, 32], teacher_strides=[16, 32])(
                      record(student), record(teacher), [])


def test_tap_with_a_list_is_to_be_indexed():
    student = record(STUDENT)
    student.taps['s1'] = [student.taps['s1']] * 2
    with pytest.raises(ConfigError, match=r"student 's1' gives no tensor but a list of 2 entries: .* \"s1\[-1\]\""):
        objective()(student, record(TEACHER), [])


def test_tap_without_a_map():
    student = record({**STUDENT, 's1': (6, )})
    with pytest.raises(ConfigError, match=r"student 's1' gives \(4, 6\); a connector takes a feature map"):
        objective()(student, record(TEACHER), [])


@pytest.mark.parametrize('delta, message', [
    (dict(student_channels=[6, 8]), r'student_channels must be a list with one entry for each of the 3 .* got'),
    (dict(teacher_strides=8), 'teacher_strides must be a list with one entry for each of the 3 teacher_taps, got 8'),
    (dict(teacher_taps=[]), 'teacher_taps must be a list of at least one path'),
    (dict(student_taps='s1'), 'student_taps must be a list of at least one path'),
    (dict(student_taps=['s1'], student_channels=[6], student_strides=[8]), 'between 1 and 1 teacher stages'),
    (dict(connector=dict(type='ConvAlinger')), 'connector: type "ConvAlinger" is not registered.*ConvAligner'),
    (dict(connector=dict(type='MFTConnector', kernel_size=(1, 3))), 'no argument "kernel_size".*kernel_sizes'),
    (dict(allocation=dict(type='WeightAllocation')), 'allocation: WeightAllocation needs the argument "batch_size"'),
    (dict(alocation=ALLOCATION), 'no argument "alocation".*allocation'),
    (dict(loss=dict(type='KeypointMSELoss')), 'loss: KeypointMSELoss has no method "per_sample".*FeatureMSELoss'),
    (dict(student_strides=[8, 16, -32]), 'student_strides=.8, 16, -32.: expected numbers above 0'),
])
def test_mistakes_in_the_config_are_named(delta, message):
    with pytest.raises(ConfigError, match='model.objectives.loss_fkd: .*' + message):
        objective(**delta)


def test_weight_and_taps_are_left_to_the_distiller():
    module = objective(weight=0.005, teacher='big')
    assert (module.weight, module.teacher) == (0.005, 'big')
    assert module.student_taps == ('s1', 's2', 's3') and module.teacher_taps == ('t1', 't2', 't3')
