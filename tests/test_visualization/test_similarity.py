import math

import numpy as np
import pytest
import torch

from mmpose_kd.visualization import feature_similarity


def hsic(a, b):
    """Equation 5 of Song et al. 2012, with explicit vectors of ones."""
    n, one = len(a), np.ones(len(a))
    a, b = a - np.diag(np.diag(a)), b - np.diag(np.diag(b))
    mean = (one @ a @ one) * (one @ b @ one) / ((n - 1) * (n - 2))
    return (np.trace(a @ b) + mean - 2 / (n - 2) * (one @ a @ b @ one)) / (n * (n - 3))


def test_equals_the_equation():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(7, 5)), generator.normal(size=(7, 12))
    x[:, :3] += y[:, :3]
    a, b = x @ x.T, y @ y.T
    expected = hsic(a, b) / math.sqrt(hsic(a, a) * hsic(b, b))
    ours = feature_similarity(torch.tensor(x), torch.tensor(y).reshape(7, 3, 2, 2))
    assert ours == pytest.approx(expected, rel=1e-4)


def test_rotated_scaled_and_shifted_features_are_the_same():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 6, generator=generator)
    rotation, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator))
    assert feature_similarity(x, 3 * x @ rotation + 5) == pytest.approx(1, abs=1e-4)


def test_unrelated_features_with_more_entries_than_images_are_near_zero():
    x, y = torch.randn(2, 16, 4000, generator=torch.Generator().manual_seed(0))
    assert abs(feature_similarity(x, y)) < 0.2


@pytest.mark.parametrize('x', [torch.ones(8, 3), torch.rand(3, 5)], ids=['constant', 'three images'])
def test_nan_where_it_is_not_defined(x):
    assert math.isnan(feature_similarity(x, x))
