import pytest
import torch
import torch.nn.functional as F
from precision import HALF

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.connectors import MFTConnector


@pytest.mark.parametrize('scale, size', [(1, (6, 4)), (2, (12, 8)), (4, (24, 16)), (0.5, (3, 2))])
def test_output_has_the_channels_and_size_of_the_teacher(scale, size):
    assert MFTConnector(10, 8, scale)(torch.rand(2, 10, 6, 4)).shape == (2, 8, *size)


def test_one_branch_for_each_kernel_and_pool():
    connector = MFTConnector(4, 12, kernel_sizes=(1, 3, 5, 7), pool_sizes=(3, 5))
    assert [b.conv.kernel_size[0] for b in connector.branches[:4]] == [1, 3, 5, 7]
    assert [b[1].kernel_size for b in connector.branches[4:]] == [3, 5]


def test_every_convolution_but_the_last_is_normalised():
    connector = MFTConnector(4, 12)
    assert sum(isinstance(m, torch.nn.BatchNorm2d) for m in connector.modules()) == 5  # in front, and of four branches
    assert isinstance(connector.project.norm, torch.nn.BatchNorm2d)


def test_branches_share_the_channels():
    assert MFTConnector(4, 32).merge.in_channels == 32
    assert MFTConnector(4, 2).merge.in_channels == 4  # never fewer than one each


def reach(connector):
    """Rows of the input that a pixel in the middle of the output depends on."""
    x = torch.rand(1, 2, 15, 15, requires_grad=True)
    connector(x)[0, :, 7, 7].sum().backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    return (rows.max() - rows.min() + 1).item()


@pytest.mark.parametrize('arguments, rows', [
    (dict(kernel_sizes=(1, ), pool_sizes=()), 1),
    (dict(kernel_sizes=(1, ), pool_sizes=(3, )), 3),
    (dict(kernel_sizes=(1, 3, 5), pool_sizes=(3, )), 5),
    (dict(kernel_sizes=(), pool_sizes=(7, )), 7),
])
def test_receptive_field_is_that_of_the_widest_branch(arguments, rows):
    torch.manual_seed(0)
    assert reach(MFTConnector(2, 16, norm_cfg=None, **arguments)) == rows


def test_transform_written_out():
    torch.manual_seed(0)
    connector = MFTConnector(3, 4, scale=2, kernel_sizes=(3, ), pool_sizes=(3, ), norm_cfg=None)
    x = torch.randn(2, 3, 5, 4)
    w = connector.state_dict()
    y = F.relu(F.conv2d(x, w['project.conv.weight'], w['project.conv.bias']))
    y = F.conv_transpose2d(y, w['resize.weight'], w['resize.bias'], stride=2, padding=1)
    conv = F.relu(F.conv2d(y, w['branches.0.conv.weight'], w['branches.0.conv.bias'], padding=1))
    counts = F.avg_pool2d(torch.ones_like(y), 3, 1, 1)  # the border averages what is inside
    pool = F.avg_pool2d(y, 3, 1, 1) / counts
    pool = F.relu(F.conv2d(pool, w['branches.1.0.conv.weight'], w['branches.1.0.conv.bias']))
    expected = F.conv2d(torch.cat([conv, pool], 1), w['merge.weight'], w['merge.bias'])
    torch.testing.assert_close(connector(x), expected)


def test_result_can_be_negative_everywhere():
    connector = MFTConnector(2, 4)
    with torch.no_grad():
        connector.merge.bias.fill_(-100.)
    assert (connector(torch.rand(2, 2, 4, 4)) < 0).all()


def test_duplicating_the_batch_changes_no_output():
    connector, x = MFTConnector(3, 8, scale=2), torch.randn(4, 3, 6, 4)
    torch.testing.assert_close(connector(torch.cat([x, x]))[:4], connector(x), atol=1e-5, rtol=1e-5)


def test_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    connector = MFTConnector(3, 16, scale=2)
    connector(torch.randn(4, 3, 6, 4)).square().mean().backward()
    assert all(p.grad.abs().sum() > 0 for p in connector.parameters())


@HALF
def test_low_precision_is_close_to_float32(dtype):
    torch.manual_seed(0)
    connector, x = MFTConnector(8, 16, scale=2), torch.randn(4, 8, 8, 6)
    with torch.autocast('cpu', dtype=dtype):
        y = connector(x)
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), connector(x), atol=0.05, rtol=0.05)


@pytest.mark.parametrize('sizes', [dict(kernel_sizes=(2, )), dict(pool_sizes=(4, )), dict(kernel_sizes=(0, )),
                                   dict(kernel_sizes=(), pool_sizes=())])
def test_sizes_that_do_not_keep_the_map_are_refused(sizes):
    with pytest.raises(ConfigError, match='^kernel_sizes and pool_sizes must hold at least one size together, all odd'):
        MFTConnector(4, 8, **sizes)
