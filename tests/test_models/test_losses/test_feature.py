import numpy as np
import pytest
import torch
from precision import needs_float16

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.losses.feature import FeatureMSELoss, feature_mse


def maps(seed=0, shape=(3, 4, 6, 5)):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_by_hand():
    student = torch.tensor([[[[0., 1.]]], [[[2., 2.]]]])
    teacher = torch.tensor([[[[3., 1.]]], [[[2., 4.]]]])
    assert feature_mse(student, teacher).tolist() == [4.5, 2.]
    assert FeatureMSELoss()(student, teacher).item() == 3.25


@pytest.mark.parametrize('normalize, axes', [('none', None), ('layer', (1, 2, 3)), ('channel', (2, 3))])
def test_against_numpy(normalize, axes):
    student, teacher = maps(0), 5 * maps(1) + 2

    def standard(x):
        x = x.numpy().astype(np.float64)
        return x if axes is None else (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)

    expected = ((standard(student) - standard(teacher))**2).mean((1, 2, 3))
    np.testing.assert_allclose(feature_mse(student, teacher, normalize).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize('normalize', ['layer', 'channel'])
def test_module_normalises(normalize):
    expected = feature_mse(maps(0), maps(1), normalize)
    torch.testing.assert_close(FeatureMSELoss(normalize=normalize).per_sample(maps(0), maps(1)), expected)
    torch.testing.assert_close(FeatureMSELoss(normalize=normalize)(maps(0), maps(1)), expected.mean())


@pytest.mark.parametrize('normalize', ['layer', 'channel'])
def test_normalised_loss_ignores_scale_and_offset_of_the_teacher(normalize):
    student, teacher = maps(0), maps(1)
    expected = feature_mse(student, teacher, normalize)
    torch.testing.assert_close(feature_mse(student, 20 * teacher + 3, normalize), expected, rtol=1e-4, atol=1e-4)


@needs_float16
def test_half_precision_is_squared_in_float32():
    student = torch.full((1, 1, 2, 2), 300., dtype=torch.float16)  # 300^2 does not fit float16
    with torch.autocast('cpu', dtype=torch.float16):
        assert feature_mse(student, torch.zeros_like(student)).tolist() == [90000.]


def test_unknown_normalisation_is_refused():
    with pytest.raises(ConfigError, match=r"one of .*'layer'.* got 'batch'"):
        FeatureMSELoss(normalize='batch')


@pytest.mark.parametrize('normalize, shape', [('channel', (2, 3, 1, 1)), ('channel', (2, 3)), ('layer', (2, 1))])
def test_one_entry_cannot_be_normalised(normalize, shape):
    with pytest.raises(ConfigError, match='which have one entry to normalise over'):
        feature_mse(torch.rand(shape), torch.rand(shape), normalize)
