import numpy as np
import pytest
import torch

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.losses import expected_coordinates, joint_distributions, pose_in_pixels

N, K, W, H = 2, 3, 6, 8
SIZE = (24, 32)  # four pixels a cell


def heatmaps():
    return torch.rand(N, K, H, W, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def simdr():
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.rand(N, K, bins, generator=generator, dtype=torch.float64) for bins in (2 * 24, 2 * 32))


def softmax(values):
    p = np.exp(values)
    return p / p.sum()


def over_peak(outputs):
    return outputs if isinstance(outputs, tuple) else outputs / outputs.amax((2, 3), keepdim=True)


def numpy_pose(outputs, temperature):
    """Expected cells or bins."""
    pose = np.zeros((N, K, 2))
    for n, k in np.ndindex(N, K):
        if isinstance(outputs, tuple):
            px, py = (softmax(axis[n, k].numpy() / temperature) for axis in outputs)
        else:
            p = softmax(outputs[n, k].numpy() / temperature)
            px, py = p.sum(0), p.sum(1)
        pose[n, k] = px @ np.arange(len(px)), py @ np.arange(len(py))
    return pose


@pytest.mark.parametrize('outputs, pixels_a_cell', [(heatmaps(), 4), (simdr(), 0.5)], ids=['heatmaps', 'simdr'])
@pytest.mark.parametrize('temperature', [0.5, 0.05])
def test_pose_is_the_expectation_in_pixels(outputs, pixels_a_cell, temperature):
    expected = pixels_a_cell * numpy_pose(over_peak(outputs), temperature)
    np.testing.assert_allclose(pose_in_pixels(outputs, SIZE, temperature), expected, rtol=1e-12)


def test_pose_has_a_temperature_of_its_own():
    np.testing.assert_allclose(pose_in_pixels(simdr(), SIZE), 0.5 * numpy_pose(simdr(), 0.05), rtol=1e-12)


def test_pose_of_udp_has_the_last_cell_at_the_last_pixel():
    scale = np.array([23 / 5, 31 / 7])
    expected = scale * numpy_pose(over_peak(heatmaps()), 0.05)
    np.testing.assert_allclose(pose_in_pixels(heatmaps(), SIZE, udp=True), expected, rtol=1e-12)


@pytest.mark.parametrize('peak', [1., 0.4, 0.1])
def test_a_low_peak_is_where_a_high_one_is(peak):
    y, x = torch.meshgrid(torch.arange(64.), torch.arange(48.), indexing='ij')
    heatmap = peak * torch.exp(-((x - 8)**2 + (y - 10)**2) / (2 * 2**2))
    np.testing.assert_allclose(pose_in_pixels(heatmap[None, None], (192, 256)), [[[4 * 8, 4 * 10]]], atol=1e-3)


@pytest.mark.parametrize('outputs', [heatmaps(), simdr()], ids=['heatmaps', 'simdr'])
def test_a_temperature_of_zero_is_not_the_one_by_default(outputs):
    with pytest.raises(ConfigError, match='temperature=0 given, expected a number above 0'):
        joint_distributions(outputs, 0)


@pytest.mark.parametrize('outputs, temperature', [(heatmaps(), 0.05), (simdr(), 1.)], ids=['heatmaps', 'simdr'])
def test_temperature_by_default(outputs, temperature):
    np.testing.assert_allclose(expected_coordinates(outputs), numpy_pose(outputs, temperature), rtol=1e-12)


def test_of_several_stages_the_last_counts():
    first, last = heatmaps(), heatmaps().flip(0)
    assert torch.equal(joint_distributions([first, first, last])[0], joint_distributions(last)[0])


def test_two_stages_of_heatmaps_are_no_simdr_logits():
    assert len(joint_distributions((heatmaps(), heatmaps()))) == 1


@pytest.mark.parametrize('size', [(3, 4), (2, 5)], ids=str)  # 3 * 4 - 4 * 2 = 4, and 2 * 4 - 5 * 2 = -2
def test_cells_may_be_off_square_by_rounding(size):
    assert pose_in_pixels(torch.zeros(1, 1, size[1], size[0]), (2, 4)).isfinite().all()


@pytest.mark.parametrize('size', [(4, 4), (4, 2), (1, 5)], ids=str)
def test_cells_of_another_aspect_ratio_are_refused(size):
    with pytest.raises(ConfigError, match=rf'^an output of {size[0]} x {size[1]} cells or bins given for an input of '
                                          r'2 x 4 pixels: expected the same aspect ratio\.$'):
        pose_in_pixels(torch.zeros(1, 1, size[1], size[0]), (2, 4))


@pytest.mark.parametrize('outputs, got', [
    (torch.zeros(2, 3), r'\(2, 3\)'),
    (torch.zeros(2, 3, 4), r'\(2, 3, 4\)'),
    ((torch.zeros(2, 3, 4), ), 'tuple'),
    ((torch.zeros(2, 3, 4), ) * 3, 'tuple'),
    ((torch.zeros(2, 3, 4), torch.zeros(2, 3, 4, 5)), 'tuple'),
    ([], 'list'),
    (None, 'NoneType'),
], ids=['one number a joint', 'one axis', 'a tuple of one axis', 'three axes', 'an axis and a map', 'empty', 'none'])
def test_what_is_neither_heatmaps_nor_simdr_logits(outputs, got):
    with pytest.raises(ConfigError, match=rf'^expected heatmaps \(N, K, H, W\), or SimDR logits .*, got {got}\.$'):
        joint_distributions(outputs)
