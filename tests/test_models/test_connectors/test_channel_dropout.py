import pytest
import torch
import torch.nn.functional as F
from mmpose.registry import MODELS

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.connectors import channel_dropout


def connector(**delta):
    torch.manual_seed(0)
    return build(MODELS, {**dict(type='ChannelDropoutConnector', in_channels=3, out_channels=5), **delta}, 'connector')


def test_rebuilds_the_whole_map_from_the_kept_channels():
    module = connector(drop_ratio=0.4)
    masks = []
    module.dropout.register_forward_hook(lambda m, args, out: masks.append(out))
    x = torch.randn(4, 3, 6, 4)
    rebuilt = module(x)
    aligned = F.conv2d(x, module.align.project.weight, module.align.project.bias)
    kept = (masks[0] != 0).flatten(2).any(2)[..., None, None]
    first, _, second = module.generator
    hidden = F.conv2d(aligned * kept / 0.6, first.weight, first.bias, padding=1).relu()
    torch.testing.assert_close(rebuilt, F.conv2d(hidden, second.weight, second.bias, padding=1))


def test_masks_whole_channels_for_each_person():
    torch.manual_seed(0)
    mask = channel_dropout.channel_dropout(0.15)(torch.ones(64, 256, 3, 2)) > 0
    assert (mask == mask[..., :1, :1]).all()
    dropped = 1 - mask[..., 0, 0].float()
    assert dropped.mean().item() == pytest.approx(0.15, abs=0.01)  # five standard errors are 0.014
    assert dropped.std(0).min() > 0  # no channel is treated alike in all persons


def test_no_mask_in_evaluation():
    module, x = connector(drop_ratio=0.9).eval(), torch.randn(2, 3, 6, 4)
    torch.testing.assert_close(module(x), module.generator(module.align(x)))


def test_scale():
    assert connector(scale=2)(torch.rand(1, 3, 4, 3)).shape == (1, 5, 8, 6)


def test_no_channel_need_be_dropped():
    module, x = connector(drop_ratio=0), torch.randn(2, 3, 6, 4)
    torch.testing.assert_close(module(x), module.generator(module.align(x)))


@pytest.mark.parametrize('ratio', [-0.1, 1, 1.5, True, '0.1', None])
def test_bad_ratio(ratio):
    with pytest.raises(ConfigError, match='drop_ratio=.* expected a number of at least 0 and below 1'):
        connector(drop_ratio=ratio)
