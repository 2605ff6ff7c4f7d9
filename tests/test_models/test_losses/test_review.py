import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from precision import needs_float16

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.losses.feature import feature_mse
from mmpose_kd.models.losses.review import HCLLoss, hierarchical_context_loss


def maps(seed=0, shape=(3, 4, 8, 6), dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def numpy_pool(x, size):
    """Mean over windows from floor(i H / size) to ceil((i + 1) H / size)."""
    def windows(length):
        return [slice(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]

    return np.stack([np.stack([x[..., r, c].mean((-2, -1)) for c in windows(x.shape[-1])], -1)
                     for r in windows(x.shape[-2])], -2)


def numpy_hcl(s, t, levels):
    """Of one batch, with the weights of the levels written out."""
    terms = [(1., s, t)] + [(w, numpy_pool(s, size), numpy_pool(t, size)) for w, size in levels]
    return sum(w * ((a - b)**2).mean((1, 2, 3)) for w, a, b in terms) / sum(w for w, _, _ in terms)


@pytest.mark.parametrize('size, levels', [
    ((8, 6), [(1 / 2, 4), (1 / 4, 2), (1 / 8, 1)]),
    ((5, 7), [(1 / 2, 4), (1 / 4, 2), (1 / 8, 1)]),
    ((4, 8), [(1 / 2, 2), (1 / 4, 1)]),
    ((8, 3), [(1 / 2, 2), (1 / 4, 1)]),  # not pooled to 4, which is more than its width
    ((2, 2), [(1 / 2, 1)]),
    ((1, 5), []),
], ids=str)
def test_against_numpy(size, levels):
    student, teacher = maps(0, (3, 4, *size)), 2 * maps(1, (3, 4, *size)) + 1
    expected = numpy_hcl(student.numpy(), teacher.numpy(), levels)
    np.testing.assert_allclose(hierarchical_context_loss(student, teacher).numpy(), expected, rtol=1e-10)


def test_a_constant_difference_is_the_same_on_all_levels():
    assert HCLLoss()(torch.zeros(2, 3, 8, 8), torch.full((2, 3, 8, 8), 2.)).item() == 4


def test_other_levels():
    student, teacher = maps(0), maps(1)
    expected = numpy_hcl(student.numpy(), teacher.numpy(), [(1 / 2, 3)]).mean()
    assert build(MODELS, dict(type='HCLLoss', levels=[3]), 'loss')(student, teacher).item() == pytest.approx(expected)


@needs_float16
def test_half_precision_is_squared_in_float32():
    student = torch.full((1, 1, 8, 8), 300., dtype=torch.float16)  # 300^2 does not fit float16
    with torch.autocast('cpu', dtype=torch.float16):
        assert hierarchical_context_loss(student, torch.zeros_like(student)).tolist() == [90000.]


@pytest.mark.parametrize('loss', [hierarchical_context_loss, feature_mse])
@pytest.mark.parametrize('shape', [(3, 4, 8, 8), (3, 5, 8, 6), (1, 4, 8, 6), (3, 4, 1, 1)], ids=str)
def test_other_shapes_are_refused(loss, shape):
    with pytest.raises(ConfigError, match=r'shape is \(3, 4, 8, 6\) and the teacher\'s .* expected the same\. Add a '
                                          r'connector that brings the student\'s to the teacher\'s\.$'):
        loss(maps(), maps(1, shape))


def test_what_is_no_map_is_refused():
    with pytest.raises(ConfigError, match=r'features of shape \(3, 4\) given, expected maps \(N, C, H, W\)'):
        hierarchical_context_loss(torch.ones(3, 4), torch.ones(3, 4))


@pytest.mark.parametrize('levels', [4, (4, 0), (2.5, ), 'ab'], ids=str)
def test_levels_that_are_no_sizes_are_refused(levels):
    with pytest.raises(ConfigError, match=r'loss: levels=.* expected sizes of at least 1'):
        build(MODELS, dict(type='HCLLoss', levels=levels), 'loss')
