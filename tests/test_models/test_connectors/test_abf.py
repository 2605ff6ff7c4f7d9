import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.connectors.abf import ABFConnector


def connector(**kwargs):
    """In evaluation mode, so that BatchNorm is an affine function, here not the identity."""
    torch.manual_seed(0)
    module = ABFConnector(**{**dict(in_channels=3, out_channels=5, mid_channels=4), **kwargs}).double().eval()
    for m in module.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            for values in (m.running_mean, m.running_var, m.weight.data, m.bias.data):
                values.uniform_(0.5, 1.5)
    return module


def numpy_conv(x, weight, bias=0.):
    """Convolution with padding that keeps the size, position by position."""
    k = weight.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (k, k), (k, k)))
    out = np.zeros((len(x), len(weight), *x.shape[2:]))
    for i, j in np.ndindex(*x.shape[2:]):
        window = padded[:, :, i:i + 2 * k + 1, j:j + 2 * k + 1]
        out[:, :, i, j] = np.einsum('nchw,ochw->no', window, weight) + bias
    return out


def numpy_conv_bn(x, layers):
    conv, bn = layers
    mean, var, gamma, beta = (p.detach().numpy()[:, None, None]
                              for p in (bn.running_mean, bn.running_var, bn.weight, bn.bias))
    return (numpy_conv(x, conv.weight.detach().numpy()) - mean) / np.sqrt(var + bn.eps) * gamma + beta


def numpy_nearest(x, size):
    rows, columns = ([int(i * old / new) for i in range(new)] for old, new in zip(x.shape[2:], size))
    return x[:, :, rows][..., columns]


def numpy_abf(module, x, deeper, size):
    x = numpy_conv_bn(x, module.project)
    if deeper is not None:
        y = numpy_nearest(deeper, x.shape[2:])
        gate = module.gates[0]
        gates = numpy_conv(np.concatenate([x, y], 1), gate.weight.detach().numpy(), gate.bias.detach().numpy())
        gates = 1 / (1 + np.exp(-gates))
        x = gates[:, 0:1] * x + gates[:, 1:2] * y
    x = numpy_nearest(x, size)
    return numpy_conv_bn(x, module.merge), x


@pytest.mark.parametrize('scale, deeper, size', [
    (1, (4, 3), (8, 6)), (2, (3, 3), (16, 12)), (0.5, (8, 6), (4, 3)), (1, None, (8, 6))], ids=str)
def test_against_numpy(scale, deeper, size):
    module = connector(scale=scale, fuse=deeper is not None)
    x = torch.randn(2, 3, 8, 6, dtype=torch.float64)
    y = None if deeper is None else torch.randn(2, 4, *deeper, dtype=torch.float64)
    expected = numpy_abf(module, x.numpy(), None if y is None else y.numpy(), size)
    for got, want in zip(module(x, y), expected):
        np.testing.assert_allclose(got.detach().numpy(), want, atol=1e-10)


def test_the_deepest_stage_has_no_gates():
    names = {name.split('.')[0] for name, _ in connector(fuse=False).named_parameters()}
    assert names == {'project', 'merge'}


def test_the_fused_map_depends_on_the_deeper_stage_as_the_gates_say():
    module = connector()
    torch.nn.init.zeros_(module.gates[0].weight)
    module.gates[0].bias.data = torch.tensor([-100., 100.]).double()  # shut for the own feature, open for the deeper
    deeper = torch.rand(1, 4, 2, 2, dtype=torch.float64)
    _, fused = module(torch.rand(1, 3, 4, 4, dtype=torch.float64), deeper)
    torch.testing.assert_close(fused, deeper.repeat_interleave(2, 2).repeat_interleave(2, 3))


@pytest.mark.parametrize('scale', [0, -1, float('inf')])
def test_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(ConfigError, match=r'connector: scale must be a finite positive number .* got ' + str(scale)):
        build(MODELS, dict(type='ABFConnector', scale=scale), 'connector', in_channels=2, out_channels=2,
              mid_channels=2)


@pytest.mark.parametrize('stride, side', [(8, 32), (16, 16)])
def test_a_rounded_stride_makes_the_map_that_it_stands_for(stride, side):
    module = connector(in_channels=1, out_channels=1, scale=stride / 10.667, fuse=False)  # 10.667 is 256 / 24
    assert module(torch.rand(1, 1, side, side).double())[0].shape[2:] == (24, 24)


@pytest.mark.parametrize(('side', 'scale', 'expected'), [(5, 1 / 2, 3), (7, 1 / 2, 4), (6, 1 / 2, 3), (9, 1 / 4, 3)])
def test_shrinks_an_odd_map_to_what_a_convolution_of_that_stride_makes(side, scale, expected):
    _, fused = connector(scale=scale, fuse=False)(torch.rand(1, 3, side, side).double())
    assert fused.shape == (1, 4, expected, expected)
