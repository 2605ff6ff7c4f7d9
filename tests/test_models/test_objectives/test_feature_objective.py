import pytest
import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import nn

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.taps import Record

CONFIG = dict(type='FeatureObjective', student_taps=['a', 'b'], teacher_taps=['c', 'd'])
CHANNELS = dict(student_channels=[3, 4], teacher_channels=[5, 6])
NO_CHANNELS = 'a connector needs student_channels and teacher_channels, one entry for each tap'
ALIGN = dict(connector=dict(type='ConvAligner'), **CHANNELS)


def objective(**delta):
    torch.manual_seed(0)
    return build(MODELS, {**CONFIG, **delta}, 'model.objectives.loss_feat')


def record(seed=0, **shapes):
    generator = torch.Generator().manual_seed(seed)
    return Record(taps={name: torch.randn(2, *shape, generator=generator) for name, shape in shapes.items()})


def test_sum_over_pairs_by_hand():
    student = Record(taps=dict(a=torch.zeros(2, 3, 4, 4), b=torch.ones(2, 3, 2, 2)))
    teacher = Record(taps=dict(c=torch.ones(2, 3, 4, 4), d=torch.full((2, 3, 2, 2), 4.)))
    assert objective()(student, teacher, []).item() == 1 + 9


def test_a_feature_is_not_compared_with_itself():
    own = dict(student_taps=['a', 'b'], teacher_taps=['b', 'b'], teacher='student')
    with pytest.raises(ConfigError, match=r"student_taps\[1\]='b' of teacher='student' is its own teacher_taps\[1\]"):
        objective(**own)
    objective(**own, connector=[None, dict(type='ConvAligner')], **CHANNELS)  # what is predicted from it may be


def test_one_feature_under_two_names_is_not_compared_with_itself():
    record = Record(feats=[torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)])
    itself = objective(student_taps=['feats[1]'], teacher_taps=['feats[-1]'], teacher='student')
    with pytest.raises(ConfigError, match=r"'feats\[1\]' and teacher_taps\[0\]='feats\[-1\]' .* are the same feature"):
        itself(record, record.detach(), [])
    assert objective(student_taps=['feats[0]'], teacher_taps=['feats[-1]'], teacher='student')(record, record, []) > 0


def test_connector_for_each_pair_from_one_config():
    module = objective(**ALIGN, student_strides=[8, 32], teacher_strides=[8, 16])
    student, teacher = record(a=(3, 8, 6), b=(4, 2, 1)), record(1, c=(5, 8, 6), d=(6, 4, 2))
    expected = sum(F.mse_loss(c(student[s]), teacher[t]) for c, s, t in zip(module.connectors, 'ab', 'cd'))
    torch.testing.assert_close(module(student, teacher, []), expected)


def test_connectors_from_a_list_with_none_where_features_fit():
    module = objective(connector=[None, dict(type='ConvAligner')], **CHANNELS | dict(teacher_channels=[3, 6]))
    student, teacher = record(a=(3, 4, 4), b=(4, 2, 2)), record(1, c=(3, 4, 4), d=(6, 2, 2))
    expected = F.mse_loss(student['a'], teacher['c']) + F.mse_loss(module.connectors[1](student['b']), teacher['d'])
    torch.testing.assert_close(module(student, teacher, []), expected)


def test_every_parameter_and_student_feature_gets_a_gradient():
    module = objective(**ALIGN)
    student = record(a=(3, 4, 4), b=(4, 2, 2))
    for x in student.taps.values():
        x.requires_grad_()
    module(student, record(1, c=(5, 4, 4), d=(6, 2, 2)), []).backward()
    assert all(p.grad.abs().sum() > 0 for p in [*module.parameters(), *student.taps.values()])


def test_features_of_any_rank_without_connector():
    module = objective(student_taps=['a'], teacher_taps=['c'])
    assert module(Record(taps=dict(a=torch.zeros(2, 7))), Record(taps=dict(c=torch.ones(2, 7))), []).item() == 1


class GramLoss(nn.Module):
    same_shape = False

    def forward(self, student, teacher):
        student, teacher = student.flatten(1), teacher.flatten(1)
        return (student @ student.t() - teacher @ teacher.t()).square().mean()


def test_loss_between_persons_takes_features_of_different_shapes():
    module = objective(student_taps=['a'], teacher_taps=['c'], loss=dict(type=GramLoss))
    student, teacher = Record(taps=dict(a=torch.ones(2, 3, 2, 2))), Record(taps=dict(c=torch.ones(2, 4, 1, 1)))
    assert module(student, teacher, []).item() == 64  # 12 against 4


def test_different_shapes_name_the_connector_to_add():
    with pytest.raises(ConfigError, match=r"student 'a' gives \(2, 3, 4, 4\); teacher 'c' gives \(2, 5, 8, 8\)\. "
                       r"The teacher's map is 2 times as high and 2 times as wide\. Add "
                       r"connector=dict\(type='ConvAligner'\) with student_channels, "
                       r'teacher_channels, student_strides and teacher_strides\.$'):
        objective()(record(a=(3, 4, 4), b=(4, 2, 2)), record(c=(5, 8, 8), d=(6, 2, 2)), [])


def test_features_of_different_ranks_have_no_ratio():
    with pytest.raises(ConfigError, match=r"student 'a' gives \(2, 3\); teacher 'c' gives \(2, 3, 8, 8\)\. Add connec"):
        objective()(record(a=(3, ), b=(4, 2, 2)), record(c=(3, 8, 8), d=(6, 2, 2)), [])


def test_wrong_stride_names_both_shapes_and_the_ratio():
    with pytest.raises(ConfigError, match=r'which ConvAligner makes \(2, 6, 2, 2\); .* 2 times as high .* '
                       r'Set student_strides\[1\] and teacher_strides\[1\]'):
        objective(**ALIGN)(record(a=(3, 4, 4), b=(4, 2, 2)), record(c=(5, 4, 4), d=(6, 4, 4)), [])


def test_wrong_channels_name_the_entry_to_change():
    with pytest.raises(ConfigError, match=r"student 'b' gives \(2, 9, 2, 2\), .* set student_channels\[1\]=9"):
        objective(**ALIGN)(record(a=(3, 4, 4), b=(9, 2, 2)), record(c=(5, 4, 4), d=(6, 2, 2)), [])


@pytest.mark.parametrize('delta, message', [
    (dict(teacher_taps=['c']), r"teacher_taps must be a list with one entry for each of the 2 .* got \['c'\]"),
    (dict(connector=[dict(type='ConvAligner')], **CHANNELS), 'connector must be a list with one entry'),
    (dict(connector=dict(type='ConvAligner')), NO_CHANNELS),
    (dict(connector=dict(type='ConvAligner'), student_channels=[3, 4]), NO_CHANNELS),
    (dict(connector=dict(type='ConvAligner'), teacher_channels=[3, 4]), NO_CHANNELS),
    (dict(ALIGN, student_strides=[8, 16]), 'give both student_strides and teacher_strides, or neither'),
    (dict(ALIGN, teacher_strides=[8, 16]), 'give both student_strides and teacher_strides, or neither'),
    (dict(ALIGN, connector=dict(type='ConvAlign')), r'connector\[0\]: type "ConvAlign" is not registered.*ConvAligner'),
    (dict(CHANNELS, student_channels=[3, 1.5]), r'student_channels=\[3, 1.5\]: expected whole numbers above 0'),
    (dict(CHANNELS, teacher_channels=[True, 4]), r'teacher_channels=\[True, 4\]: expected whole numbers above 0'),
    (dict(student_strides=[8, True], teacher_strides=[8, 8]), r'student_strides=\[8, True\]: expected numbers above 0'),
    (dict(loss=dict(type='FeatureMSELoss', normalise='layer')),
     'loss: FeatureMSELoss has no argument "normalise".*normalize'),
])
def test_mistakes_in_the_config_are_named(delta, message):
    with pytest.raises(ConfigError, match='model.objectives.loss_feat: ' + message):
        objective(**delta)


def test_strides_without_a_connector_that_resizes_are_refused():
    taps = dict(type='FeatureObjective', student_taps=['feats[0]', 'feats[1]'], teacher_taps=['feats[0]', 'feats[1]'])
    MODELS.build(dict(taps, student_strides=[4, 8], teacher_strides=[4, 8]))
    with pytest.raises(ConfigError, match=r'student_strides\[1\]=32 and teacher_strides\[1\]=4 given, but no'):
        MODELS.build(dict(taps, student_strides=[4, 32], teacher_strides=[4, 4]))
