"""ShuffleHRNet: its size, its shuffles and its errors."""
import copy

import pytest
import torch
from mmpose.models.backbones.hrnet import HRNet
from mmpose.registry import MODELS
from torch import nn

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.backbones import shuffle_hrnet
from mmpose_kd.models.backbones.shuffle_hrnet import ShuffleConv2d, ShuffleHRNet


def extra(width: int, blocks: int, modules=(1, 4, 3)) -> dict:
    """HRNet's stages, of so many channels in the finest branch."""
    stages = dict(
        stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(blocks, ), num_channels=(64, )))
    for branches, count in zip((2, 3, 4), modules):
        stages[f'stage{branches}'] = dict(
            num_modules=count,
            num_branches=branches,
            block='BASIC',
            num_blocks=(blocks, ) * branches,
            num_channels=tuple(width * 2**i for i in range(branches)))
    return stages


W32 = extra(32, 4)
TINY = extra(8, 1, modules=(1, 1, 1))


def size(backbone: nn.Module) -> tuple:
    """Millions of parameters and 1e9 multiply-adds of convolutions, 256x192, with the 1x1 head of 17 joints."""
    macs = []

    def count(conv, inputs, output):
        macs.append(output[0].numel() * conv.in_channels // conv.groups * conv.kernel_size[0] * conv.kernel_size[1])

    with torch.device('meta'):
        net = nn.ModuleList([backbone.to('meta'), nn.Conv2d(32, 17, 1)]).eval()
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(count)
        with torch.no_grad():
            net[1](net[0](torch.rand(1, 3, 256, 192))[0])
    return sum(p.numel() for p in net.parameters()) / 1e6, sum(macs) / 1e9


@pytest.mark.parametrize('params, gmacs, arguments', [
    (28.54, 7.65, dict(groups=1)),
    (15.85, 4.70, dict(groups=2)),
    (9.51, 3.23, dict(groups=4)),
    (6.34, 2.49, dict(groups=8)),
    (4.60, 2.19, dict(groups=8, fuse_groups=8)),
    (4.37, 1.47, dict(groups=8, fuse_groups=8, stage1_groups=8)),
    (3.99, 1.97, dict(block='SHUFFLE_V1', groups=4)),
    (2.23, 1.66, dict(block='SHUFFLE_V1', groups=4, fuse_groups='depthwise')),
])
def test_size_is_that_of_the_table(params, gmacs, arguments):
    with torch.device('meta'):
        backbone = ShuffleHRNet(copy.deepcopy(W32), **arguments)
    assert size(backbone) == pytest.approx((params, gmacs), abs=0.0051)


def test_the_shuffle_interleaves_the_groups():
    conv = ShuffleConv2d(6, 6, 1, groups=6, bias=False, shuffle=2)
    nn.init.ones_(conv.weight)
    x = torch.arange(6.).view(1, 6, 1, 1)
    assert conv(x).flatten().tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize('block', ['GROUPED_BASIC', 'SHUFFLE_V1'])
def test_every_output_channel_of_a_block_sees_every_group(block):
    unit = ShuffleHRNet(TINY, block=block, groups=2).stage2[0].branches[0][0]
    x = torch.rand(1, 8, 5, 5, requires_grad=True)
    y = x
    for name in ('conv1', 'conv2', 'conv3'):
        y = getattr(unit, name, nn.Identity())(y)
    for channel in range(8):
        grad, = torch.autograd.grad(y[:, channel].sum(), x, retain_graph=True)
        assert (grad.view(2, -1).abs().sum(dim=1) > 0).all()


@pytest.mark.parametrize('block', ['GROUPED_BASIC', 'SHUFFLE_V1'])
@pytest.mark.parametrize('fuse_groups', [4, 'depthwise'])
def test_a_step_reaches_every_weight(block, fuse_groups):
    cfg = dict(type='ShuffleHRNet', extra=copy.deepcopy(TINY), block=block, groups=4, stage1_groups=4,
               fuse_groups=fuse_groups)
    cfg['extra']['stage4']['multiscale_output'] = True
    backbone = MODELS.build(cfg)
    backbone.train()
    sum(y.square().sum() for y in backbone(torch.rand(2, 3, 64, 64))).backward()
    assert [name for name, p in backbone.named_parameters() if p.grad is None] == []


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ConfigError, match='3 groups given for a convolution of 8 to 8 channels'):
        ShuffleHRNet(TINY, groups=3)


@pytest.mark.parametrize('groups', [2.5, 'dw', 0])
def test_groups_of_the_fusions_are_a_whole_number(groups):
    with pytest.raises(ConfigError, match=f'{groups!r} groups given for a convolution of .*expected a whole number'):
        ShuffleHRNet(copy.deepcopy(TINY), fuse_groups=groups)


def test_an_unknown_block_is_refused():
    with pytest.raises(ConfigError, match="block='SHUFLE_V1' given"):
        ShuffleHRNet(TINY, block='SHUFLE_V1')


def test_convolutions_of_another_kind_are_refused():  # the grouped ones would be plain all the same
    with pytest.raises(ConfigError, match=r"conv_cfg={'type': 'ConvWS'} given, but its grouped convolutions are plain"):
        ShuffleHRNet(TINY, conv_cfg=dict(type='ConvWS'))
    assert isinstance(ShuffleHRNet(TINY, conv_cfg=dict(type='Conv2d')).stage2[0].branches[0][0].conv1, ShuffleConv2d)


def test_a_missing_stage_is_named():
    with pytest.raises(ConfigError, match=r"extra\['stage3'\]=None given"):
        ShuffleHRNet({name: stage for name, stage in TINY.items() if name != 'stage3'})


def test_the_weights_of_an_hrnet_load_where_shapes_allow(tmp_path):
    hrnet = HRNet(copy.deepcopy(TINY))
    for weight in hrnet.parameters():
        nn.init.constant_(weight, 0.25)
    state = {f'backbone.{name}': value for name, value in hrnet.state_dict().items()}
    torch.save(dict(state_dict=state), tmp_path / 'hrnet.pth')
    student = ShuffleHRNet(copy.deepcopy(TINY), groups=4, init_cfg=[
        dict(type='Pretrained', checkpoint=str(tmp_path / 'hrnet.pth'), prefix='backbone.'),
        dict(type='Normal', layer='Conv2d', std=0.01)])
    student.init_weights()
    fits = {name: weight.shape == hrnet.get_parameter(name).shape for name, weight in student.named_parameters()}
    loaded = {name: bool((weight == 0.25).all()) for name, weight in student.named_parameters()}
    assert loaded == fits
    assert fits['layer1.0.conv2.weight'] and not fits['stage3.0.branches.1.0.conv1.weight']


def test_every_norm_is_that_of_the_config():
    net = ShuffleHRNet(TINY, fuse_groups='depthwise', norm_cfg=dict(type='GN', num_groups=2))
    assert not [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]


def test_a_checkpointed_unit_has_the_same_gradients():
    gradients = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        net = ShuffleHRNet(TINY, block='SHUFFLE_V1', with_cp=with_cp)
        net(torch.rand(2, 3, 64, 64))[0].square().sum().backward()
        gradients.append([p.grad for p in net.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1])
    torch.testing.assert_close(*gradients)


def test_a_shuffle_unit_is_checkpointed(monkeypatch):
    calls = []
    monkeypatch.setattr(shuffle_hrnet.cp, 'checkpoint', lambda forward, x, **_: calls.append(forward) or forward(x))
    ShuffleHRNet(TINY, block='SHUFFLE_V1', with_cp=True)(torch.rand(2, 3, 64, 64))
    assert any('ShuffleV1Unit' in forward.__qualname__ for forward in calls)
