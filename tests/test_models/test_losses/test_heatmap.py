import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.losses import heatmap_kl, heatmap_mse
from mmpose_kd.models.losses.reduction import softmax_kl

N, K, H, W = 3, 4, 5, 6


def heatmaps(seed):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(N, K, H, W, generator=g, dtype=torch.float64).float()


def some_weights():
    weights = torch.ones(N, K)
    weights[0, 1] = weights[2, 3] = 0
    weights[1, 2] = 0.5
    return weights


def mse_of_joint(student, teacher):
    return np.mean((student - teacher)**2)


def kl_of_joint(student, teacher, temperature):
    s, t = (np.exp(h / temperature) / np.exp(h / temperature).sum() for h in (student, teacher))
    return temperature**2 * np.sum(t * np.log(t / s))


def mean_over_joints(per_joint, student, teacher, weights):
    total = 0.
    for n in range(N):
        for k in range(K):
            total += weights[n, k].item() * per_joint(student[n, k].double().numpy(), teacher[n, k].double().numpy())
    return total / (N * K)


def test_mse_is_its_formula():
    expected = mean_over_joints(mse_of_joint, heatmaps(0), heatmaps(1), some_weights())
    assert heatmap_mse(heatmaps(0), heatmaps(1), some_weights()).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('temperature', [1., 3., 0.5])
def test_kl_is_its_formula(temperature):
    expected = mean_over_joints(lambda s, t: kl_of_joint(s, t, temperature), heatmaps(0), heatmaps(1), some_weights())
    assert heatmap_kl(heatmaps(0), heatmaps(1), some_weights(), temperature).item() == pytest.approx(expected, rel=1e-4)


def test_mse_by_hand():
    student = torch.zeros(1, 2, 2, 2)
    student[0, 0, 0, 0] = 2.  # squared 4, over 4 pixels, over 2 joints
    assert heatmap_mse(student, torch.zeros(1, 2, 2, 2)).item() == 0.5


def test_kl_by_hand():
    # the teacher puts 3/6 on one of four pixels and 1/6 on each other, the student 1/4 on each
    teacher = torch.tensor([[[[np.log(3), 0.], [0., 0.]]]])
    expected = 0.5 * np.log(2) + 0.5 * np.log(2 / 3)
    assert heatmap_kl(torch.zeros(1, 1, 2, 2), teacher).item() == pytest.approx(expected, rel=1e-5)


def test_kl_of_rows_has_the_temperature_one_by_default():
    rows = [maps.flatten(2) for maps in (heatmaps(0), heatmaps(1))]
    assert torch.equal(softmax_kl(*rows), softmax_kl(*rows, 1.))


def test_kl_compares_distributions_and_not_values():
    assert heatmap_kl(heatmaps(0), heatmaps(0) + 5).item() == pytest.approx(0, abs=1e-5)


LOSSES = dict(mse=heatmap_mse, kl=heatmap_kl)


@pytest.fixture(params=sorted(LOSSES))
def loss(request):
    return LOSSES[request.param]


def test_weights_of_another_precision_do_not_change_that_of_the_loss(loss):
    assert loss(heatmaps(0), heatmaps(1), some_weights().double()).dtype == torch.float32


def test_module_computes_the_function_of_its_mode():
    args = heatmaps(0), heatmaps(1), some_weights()
    torch.testing.assert_close(MODELS.build(dict(type='HeatmapKDLoss'))(*args), heatmap_mse(*args))
    kl = MODELS.build(dict(type='HeatmapKDLoss', mode='kl', temperature=2.))
    torch.testing.assert_close(kl(*args), heatmap_kl(*args, 2.))


def test_other_resolution_is_an_error_with_both_shapes(loss):
    with pytest.raises(ConfigError, match=r'^heatmaps: .*\(3, 4, 5, 6\).*\(3, 4, 1, 1\).* Give both '
                                          r'models the same joints and resolution, or let the distiller map them\.$'):
        loss(heatmaps(0), torch.zeros(N, K, 1, 1))


@pytest.mark.parametrize('arguments, message', [
    (dict(mode='mes'), r"expected one of \('mse', 'kl'\)\. Did you mean 'mse'\?$"),
    (dict(mode='kl', temperature=0.), 'temperature=0.0'),
    (dict(mode='mse', temperature=2.), 'has no effect with mode="mse"; drop it or set mode="kl"'),
])
def test_bad_arguments_are_errors(arguments, message):
    with pytest.raises(ConfigError, match=message):
        MODELS.build(dict(type='HeatmapKDLoss', **arguments))
