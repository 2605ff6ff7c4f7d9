import math

import numpy as np
import pytest
import torch
from mmpose.codecs import SimCCLabel
from mmpose.registry import MODELS

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.losses import gaussian_labels, simdr_cross_entropy, simdr_kl

N, K, WX, WY = 3, 5, 12, 16


def logits(seed):
    g = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(N, K, w, generator=g, dtype=torch.float64).mul(2).float() for w in (WX, WY))


def some_weights():
    weights = torch.ones(N, K)
    weights[0, 1] = weights[2, 4] = 0
    weights[1, 2] = 0.5
    return weights


def some_labels(dtype=torch.float32):
    g = torch.Generator().manual_seed(7)
    return tuple(gaussian_labels(torch.rand(N, K, generator=g, dtype=dtype) * w, 2., w) for w in (WX, WY))


def softmax(row):
    e = [math.exp(v) for v in row]
    return [v / sum(e) for v in e]


def cross_entropy_of_joint(student, label):
    """The sum over bins in Eq. 6, without 1/L."""
    return -sum(v * math.log(s) for v, s in zip(label, softmax(student)))


def kl_of_joint(student, teacher, temperature=1.):
    """KL(T, S) in Eq. 7."""
    s, t = softmax(student / temperature), softmax(teacher / temperature)
    return sum(ti * math.log(ti / si) for ti, si in zip(t, s))


def mean_over_joints_and_axes(per_joint, first, second, weights):
    total = 0.
    for n in range(N):
        for k in range(K):
            x, y = (per_joint(f[n, k].double().numpy(), s[n, k].double().numpy()) for f, s in zip(first, second))
            total += weights[n, k].item() * (x + y) / 2
    return total / (N * K)


# Labels


def test_label_by_hand():
    e = math.exp(-0.5)
    expected = torch.tensor([e, 1, e, math.exp(-2), math.exp(-4.5)]) / (2 * e + 1 + math.exp(-2) + math.exp(-4.5))
    torch.testing.assert_close(gaussian_labels(torch.tensor([[1.]]), 1., 5)[0, 0], expected)


def test_labels_are_those_of_simcc_up_to_their_sum():
    codec = SimCCLabel(input_size=(48, 64), sigma=(3., 5.), simcc_split_ratio=2.)
    keypoints = np.random.RandomState(0).uniform(-4, 50, (2, 9, 2))
    encoded = codec.encode(keypoints)
    bins = torch.from_numpy(np.around(keypoints * 2))
    for axis, (key, num_bins) in enumerate([('keypoint_x_labels', 96), ('keypoint_y_labels', 128)]):
        stock = torch.from_numpy(encoded[key]).double()
        ours = gaussian_labels(bins[..., axis], codec.sigma[axis], num_bins)
        torch.testing.assert_close(ours, stock / stock.sum(-1, keepdim=True), rtol=1e-5, atol=1e-7)


def test_label_inside_the_axis_has_the_values_of_simcc():
    stock = SimCCLabel(input_size=(48, 64), sigma=3., simcc_split_ratio=2.).encode(np.array([[[20., 30.]]]))
    ours = gaussian_labels(torch.tensor([[40.]]), 3., 96)
    torch.testing.assert_close(ours, torch.from_numpy(stock['keypoint_x_labels']), rtol=1e-5, atol=1e-8)


def test_label_keeps_a_fraction_of_a_bin():
    label = gaussian_labels(torch.tensor([[30.3]]), 3., 64)
    assert (label * torch.arange(64)).sum().item() == pytest.approx(30.3, abs=1e-4)


@pytest.mark.parametrize('position', [-1e4, -3., 70., 1e4])
def test_label_of_a_joint_outside_the_axis_is_a_distribution(position):
    label = gaussian_labels(torch.tensor([[position]]), 2., 64)
    assert label.sum().item() == pytest.approx(1)
    assert label.argmax().item() == (0 if position < 0 else 63)


# Eq. 6


def test_cross_entropy_is_equation_6_with_our_factors():
    student, labels, weights = logits(0), some_labels(), some_weights()
    expected = mean_over_joints_and_axes(cross_entropy_of_joint, student, labels, weights)
    assert simdr_cross_entropy(student, labels, weights).item() == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_of_a_flat_prediction_is_the_logarithm_of_the_bins():
    flat = (torch.zeros(2, 3, 8), torch.zeros(2, 3, 4))
    labels = (gaussian_labels(torch.ones(2, 3), 1., 8), gaussian_labels(torch.ones(2, 3), 1., 4))
    assert simdr_cross_entropy(flat, labels).item() == pytest.approx((math.log(8) + math.log(4)) / 2)


def test_cross_entropy_is_least_at_the_label():
    labels = some_labels(torch.float64)
    at_label = tuple(label.log().requires_grad_() for label in labels)
    gradients = torch.autograd.grad(simdr_cross_entropy(at_label, labels), at_label)
    assert all(g.abs().max() < 1e-12 for g in gradients)


# Eq. 7


@pytest.mark.parametrize('temperature', [1., 4., 0.5])
def test_kl_is_equation_7_with_our_factors(temperature):
    student, teacher, weights = logits(0), logits(1), some_weights()
    expected = mean_over_joints_and_axes(lambda s, t: temperature**2 * kl_of_joint(s, t, temperature), student, teacher,
                                         weights)
    assert simdr_kl(student, teacher, weights, temperature).item() == pytest.approx(expected, rel=1e-4)


def test_kl_by_hand():
    # the teacher is sure to 3/4 of the first of two bins in x, the student of none; they agree in y
    even, sure = torch.zeros(1, 1, 2), torch.tensor([[[math.log(3), 0.]]])
    expected = (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2
    assert simdr_kl((even, even), (sure, even)).item() == pytest.approx(expected)


def test_kl_of_equal_distributions_is_zero():
    shifted = tuple(axis + 3 for axis in logits(0))
    assert simdr_kl(logits(0), shifted).item() == pytest.approx(0, abs=1e-6)


def test_paper_weights_translate_as_documented():
    """Eq. 8 with the sums as printed is N K / L times ours with beta L / N and alpha L / K."""
    bins, alpha, beta = 12, 0.005, 0.04
    (x, y), (tx, ty), weights = logits(0), logits(1), torch.ones(N, K)
    student, teacher = (x, y[..., :bins]), (tx, ty[..., :bins])
    labels = tuple(gaussian_labels(torch.full((N, K), 5.), 2., bins) for _ in range(2))
    features = torch.rand(N, generator=torch.Generator().manual_seed(3))  # L_fkd of each sample

    def summed(per_joint, others):
        return N * K * mean_over_joints_and_axes(per_joint, student, others, weights)

    paper = (
        summed(cross_entropy_of_joint, labels) / bins + alpha * features.sum().item() +
        beta * summed(kl_of_joint, teacher) / N)
    ours = (
        simdr_cross_entropy(student, labels) + alpha * bins / K * features.mean() +
        beta * bins / N * simdr_kl(student, teacher))
    assert paper == pytest.approx(N * K / bins * ours.item(), rel=1e-5)


# Both


@pytest.mark.parametrize('function, other', [(simdr_cross_entropy, some_labels), (simdr_kl, lambda: logits(1))])
def test_no_weights_means_one_for_each_joint(function, other):
    torch.testing.assert_close(function(logits(0), other()), function(logits(0), other(), torch.ones(N, K)))


def test_modules_are_registered_and_compute_the_functions():
    student, teacher, labels, weights = logits(0), logits(1), some_labels(), some_weights()
    task = MODELS.build(dict(type='SimDRLoss', loss_weight=3.))(student, labels, weights)
    torch.testing.assert_close(task, 3 * simdr_cross_entropy(student, labels, weights))
    distillation = MODELS.build(dict(type='SimDRKLLoss', temperature=2.))(student, teacher, weights)
    torch.testing.assert_close(distillation, simdr_kl(student, teacher, weights, 2.))


def test_modules_by_default():
    student, teacher, labels, weights = logits(0), logits(1), some_labels(), some_weights()
    task = MODELS.build(dict(type='SimDRLoss'))(student, labels, weights)
    torch.testing.assert_close(task, simdr_cross_entropy(student, labels, weights))
    distillation = MODELS.build(dict(type='SimDRKLLoss'))(student, teacher, weights)
    torch.testing.assert_close(distillation, simdr_kl(student, teacher, weights, 1.))


# Bad input


def test_different_bins_are_an_error_with_both_shapes():
    with pytest.raises(ConfigError, match=r'\(3, 5, 12\).*\(3, 5, 24\)'):
        simdr_kl(logits(0), tuple(torch.cat([axis, axis], -1) for axis in logits(1)))


@pytest.mark.parametrize('function, what', [(simdr_kl, 'SimDR logits'),
                                            (simdr_cross_entropy, 'SimDR logits and labels')])
def test_different_shapes_say_what_they_are_of(function, what):
    with pytest.raises(ConfigError, match=f'^{what}: '):
        function(logits(0), tuple(axis[:1] for axis in logits(1)))


def test_three_tensors_are_an_error_that_says_whose():
    with pytest.raises(ConfigError, match=r"^SimDRKLLoss: the student's head returned 3 tensors, expected the logits "
                                          r'of the x and the y axis, \(N, K, Wx\) and \(N, K, Wy\)\. Use a SimDR'):
        simdr_kl((*logits(0), logits(0)[0]), logits(1))


def test_heatmaps_are_an_error_that_names_the_other_loss():
    with pytest.raises(ConfigError, match=r"teacher's head returned shape \(2, 5, 8, 8\).*HeatmapKDLoss"):
        simdr_kl(logits(0), torch.zeros(2, 5, 8, 8))


@pytest.mark.parametrize('shape', [(N, ), (N, K, 1), (1, K)])
def test_weights_of_another_shape_are_not_broadcast(shape):
    with pytest.raises(ConfigError, match=r'one weight per person and joint, \(N, K\)\. Several encoders in one '
                                          r'GenerateTarget stack their weights; use one\.$'):
        simdr_kl(logits(0), logits(1), torch.ones(shape))


@pytest.mark.parametrize('weight', [-1., '1', None, float('nan'), float('inf')])
def test_a_factor_that_is_no_number_of_at_least_0_is_refused(weight):
    with pytest.raises(ConfigError, match='loss_weight=.*: expected a finite number of at least 0'):
        MODELS.build(dict(type='SimDRLoss', loss_weight=weight))


@pytest.mark.parametrize('temperature', [0, -1., '2', None, float('nan'), float('inf')])
def test_temperature_must_be_positive(temperature):
    with pytest.raises(ConfigError, match='temperature='):
        MODELS.build(dict(type='SimDRKLLoss', temperature=temperature))
