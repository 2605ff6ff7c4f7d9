import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.connectors import align
from mmpose_kd.models.connectors.align import ConvAligner, resize_layer


@pytest.mark.parametrize('scale, size', [(1, (6, 4)), (2, (12, 8)), (3, (18, 12)), (4, (24, 16)), (0.5, (3, 2)),
                                         (1.5, (9, 6))])
def test_output_has_the_channels_and_size_of_the_teacher(scale, size):
    connector = ConvAligner(in_channels=5, out_channels=7, scale=scale)
    assert connector(torch.rand(2, 5, 6, 4)).shape == (2, 7, *size)


def test_1x1_convolution_is_a_matrix_product_over_channels():
    connector = ConvAligner(3, 2)
    x = torch.rand(2, 3, 4, 5)
    weight, bias = (p.detach().numpy() for p in connector.parameters())
    expected = np.einsum('oc,nchw->nohw', weight[:, :, 0, 0], x.numpy()) + bias[None, :, None, None]
    np.testing.assert_allclose(connector(x).detach().numpy(), expected, atol=1e-6)


def test_enlarging_is_a_transposed_convolution():
    layer = resize_layer(1, 2)
    with torch.no_grad():
        layer.weight.fill_(1.)
        layer.bias.zero_()
    # 4 x 4 kernels of ones, stride 2, 1 cropped at the border: an output sums the inputs that it lies next to
    x = torch.tensor([[[[1., 10.]]]])
    assert torch.equal(layer(x), torch.tensor([[[[1., 11., 11., 10.]] * 2]]).reshape(1, 1, 2, 4))


def test_shrinking_averages():
    x = torch.tensor([[[[1., 2.], [3., 6.]]]])
    assert resize_layer(1, 0.5)(x).item() == 3.


def test_shrinking_by_three_averages_all_nine():
    x = torch.arange(9.).view(1, 1, 3, 3)
    assert resize_layer(1, 1 / 3)(x).item() == 4.


def test_shrinking_rounds_up_and_averages_over_what_there_is_at_the_border():
    x = torch.tensor([[[[1., 2., 5.], [3., 6., 7.], [4., 8., 9.]]]])
    assert torch.equal(resize_layer(1, 0.5)(x), torch.tensor([[[[3., 6.], [6., 9.]]]]))


def test_enlarging_by_three_has_a_kernel_of_five():
    layer = resize_layer(1, 3)
    assert (layer.kernel_size, layer.stride, layer.padding) == ((5, 5), (3, 3), (1, 1))


def test_another_factor_interpolates_between_the_centres_of_cells():
    # centres of the outputs lie at (i + 1/2) / 1.5 - 1/2 = -1/6, 1/2, 7/6 of the inputs
    row = resize_layer(1, 1.5)(torch.tensor([[[[0., 6.], [0., 6.]]]]))[0, 0, 0]
    torch.testing.assert_close(row, torch.tensor([0., 3., 6.]))


@pytest.mark.parametrize('scale, size', [(32 / 10.6667, (24, 18)), (32 / 10.6666, (24, 18)), (10.6667 / 32, (3, 2)),
                                         (32 / 21.3334, (12, 9)), (0.99999, (8, 6))])
def test_rounded_strides_make_the_map_that_they_stand_for(scale, size):
    assert resize_layer(1, scale)(torch.rand(1, 1, 8, 6)).shape[2:] == size


def test_nearly_three_times_is_the_same_layer_as_three_times():
    assert isinstance(resize_layer(1, 2.9999), torch.nn.ConvTranspose2d)
    assert isinstance(resize_layer(1, 3.01), align.Bilinear)


def test_result_can_be_negative_everywhere():
    connector = ConvAligner(2, 2, scale=2)
    with torch.no_grad():
        connector.resize.bias.fill_(-100.)
    assert (connector(torch.rand(1, 2, 4, 4)) < 0).all()


@pytest.mark.parametrize('scale', [0, -2, float('inf')])
def test_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(ConfigError, match=r'connector: scale must be a finite positive number .* got ' + str(scale)):
        build(MODELS, dict(type='ConvAligner'), 'connector', in_channels=2, out_channels=2, scale=scale)
