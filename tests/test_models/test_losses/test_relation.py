import itertools

import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.losses.relation import attention_distance, rkd_angle, rkd_distance, similarity_distance
from mmpose_kd.models.taps import Record

FUNCTIONS = [rkd_distance, rkd_angle, similarity_distance, attention_distance]
each = pytest.mark.parametrize('function', FUNCTIONS, ids=lambda f: f.__name__)


def maps(seed=0, shape=(5, 4, 3, 2), dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def student_and_teacher(**kwargs):
    return maps(0, **kwargs), 3 * maps(1, shape=(5, 7, 3, 2), **kwargs) + 1


def huber(difference):
    size = abs(difference)
    return 0.5 * size**2 if size < 1 else size - 0.5


def numpy_rkd_distance(s, t):
    s, t = (x.reshape(len(x), -1) for x in (s, t))
    pairs = list(itertools.product(range(len(s)), repeat=2))

    def psi(x):
        d = {(i, j): np.sqrt(((x[i] - x[j])**2).sum()) for i, j in pairs}
        mu = np.mean([d[i, j] for i, j in pairs if i != j])
        return {pair: value / mu for pair, value in d.items()}

    psi_s, psi_t = psi(s), psi(t)
    return sum(huber(psi_s[p] - psi_t[p]) for p in pairs) / len(pairs)


def numpy_rkd_angle(s, t):
    s, t = (x.reshape(len(x), -1) for x in (s, t))

    def cosine(x, i, j, k):
        if i == j or k == j:
            return 0.
        a, b = x[i] - x[j], x[k] - x[j]
        return a @ b / np.sqrt((a @ a) * (b @ b))

    n = range(len(s))
    triplets = list(itertools.product(n, repeat=3))
    return sum(huber(cosine(s, *ijk) - cosine(t, *ijk)) for ijk in triplets) / len(triplets)


def numpy_similarity_distance(s, t):
    def rows(x):
        x = x.reshape(len(x), -1)
        gram = np.array([[a @ b for b in x] for a in x])
        return np.array([row / np.sqrt((row**2).sum()) for row in gram])

    n = len(s)
    equation_4 = ((rows(s) - rows(t))**2).sum() / n**2
    return n * equation_4


def numpy_attention_distance(s, t):
    def attention(x):
        q = sum(channel**2 for channel in x).ravel()
        return q / np.sqrt((q**2).sum())

    return np.mean([((attention(a) - attention(b))**2).sum() for a, b in zip(s, t)])


@each
def test_against_numpy(function):
    student, teacher = student_and_teacher()
    expected = globals()[f'numpy_{function.__name__}'](student.numpy(), teacher.numpy())
    assert function(student, teacher).item() == pytest.approx(expected, rel=1e-9)


@each
def test_the_scale_of_either_side_changes_nothing(function):
    student, teacher = student_and_teacher()
    torch.testing.assert_close(function(3 * student, 1e-3 * teacher), function(student, teacher))


@each
def test_equal_features_give_zero(function):
    assert function(maps(), maps()).item() == 0


@each
def test_equal_persons_and_empty_maps_have_a_finite_gradient(function):
    student, teacher = student_and_teacher()
    student[1], student[2:] = student[0], 0
    function(student.requires_grad_(), teacher).backward()
    assert torch.isfinite(student.grad).all()


def test_distances_in_a_large_batch_far_from_the_origin_are_exact():
    whole = torch.randint(0, 64, (40, 8), generator=torch.Generator().manual_seed(0)).float()
    assert rkd_distance(whole, whole + 8192).item() == 0


@pytest.mark.parametrize('function', [rkd_distance, rkd_angle])
def test_two_persons_have_no_relation(function):
    student, teacher = (x[:2] for x in student_and_teacher())
    assert function(student, teacher).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize('function', [rkd_distance, rkd_angle, similarity_distance])
def test_relations_between_persons_take_maps_of_any_size(function):
    assert function(maps(), maps(shape=(5, 6, 8, 7))) > 0


def test_attention_names_maps_of_different_sizes():
    with pytest.raises(ConfigError, match=r'\(5, 4, 3, 2\) and the teacher\'s \(5, 4, 6, 4\).*the same stride, or add'):
        attention_distance(maps(), maps(shape=(5, 4, 6, 4)))


@each
@pytest.mark.parametrize('persons', [(5, 1), (1, 5)], ids=str)
def test_other_numbers_of_persons_are_named(function, persons):
    shapes = [(number, 4, 3, 2) for number in persons]
    with pytest.raises(ConfigError, match=r"the student's feature is \({}, 4, 3, 2\) and the teacher's \({}, ".format(
            *persons)):
        function(*(maps(shape=shape) for shape in shapes))


@pytest.mark.parametrize('shapes', [((5, 4, 6), (5, 4, 6, 1)), ((5, 4, 6, 1), (5, 4, 6))], ids=str)
def test_attention_takes_maps_alone(shapes):
    with pytest.raises(ConfigError, match=r'expected two maps \(N, C, H, W\)'):
        attention_distance(maps(shape=shapes[0]), maps(shape=shapes[1]))


def test_rkd_has_the_weights_of_the_paper_by_default():
    student, teacher = student_and_teacher()
    torch.testing.assert_close(MODELS.build(dict(type='RKDLoss'))(student, teacher),
                               25 * rkd_distance(student, teacher) + 50 * rkd_angle(student, teacher))


def test_rkd_is_the_weighted_sum_of_both():
    student, teacher = student_and_teacher()
    loss = MODELS.build(dict(type='RKDLoss', distance_weight=2., angle_weight=3.))
    torch.testing.assert_close(loss(student, teacher), 2 * rkd_distance(student, teacher) + 3 * rkd_angle(
        student, teacher))


@pytest.mark.parametrize('weights, function', [((2., 0.), rkd_distance), ((0., 2.), rkd_angle)])
def test_rkd_with_one_of_the_two(weights, function):
    student, teacher = student_and_teacher()
    loss = MODELS.build(dict(type='RKDLoss', distance_weight=weights[0], angle_weight=weights[1]))
    torch.testing.assert_close(loss(student, teacher), 2 * function(student, teacher))


def test_a_person_without_features_has_a_gradient_of_the_size_of_the_others():
    torch.manual_seed(0)
    student, teacher = torch.randn(4, 16), torch.randn(4, 9)
    student[1] = 0
    student.requires_grad_()
    similarity_distance(student, teacher).backward()
    gradient = student.grad.abs().amax(1)
    assert 0 < gradient[1] < 100 * gradient.median()


@pytest.mark.parametrize('weights', [(0., 0.), (-1., 1.), (float('nan'), 1.)])
def test_rkd_refuses_weights_that_teach_nothing(weights):
    with pytest.raises(ConfigError, match='given, expected numbers of at least 0 and one above 0'):
        MODELS.build(dict(type='RKDLoss', distance_weight=weights[0], angle_weight=weights[1]))


@pytest.mark.parametrize('loss', ['RKDLoss', 'SimilarityLoss', 'AttentionTransferLoss'])
def test_feature_objective_takes_channels_that_differ(loss):
    objective = MODELS.build(
        dict(type='FeatureObjective', student_taps=['a'], teacher_taps=['b'], loss=dict(type=loss)))
    student, teacher = student_and_teacher()
    value = objective(Record(taps=dict(a=student)), Record(taps=dict(b=teacher)), [])
    torch.testing.assert_close(value, MODELS.build(dict(type=loss))(student, teacher))
