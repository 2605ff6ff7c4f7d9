import pytest
import torch
from mmengine.analysis import get_model_complexity_info
from mmpose.models.heads import HeatmapHead
from tiny import batch, build, pose_model

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.heads.channel_dropout_head import ChannelDropoutHead
from mmpose_kd.models.taps import Recorder

SMALL = dict(in_channels=4, out_channels=3, deconv_out_channels=(6, ), deconv_kernel_sizes=(4, ))


def heads(**kwargs):
    """The head, and a stock one with the same weights."""
    torch.manual_seed(0)
    head, stock = ChannelDropoutHead(**SMALL, **kwargs), HeatmapHead(**SMALL)
    stock.load_state_dict(head.state_dict())  # strict
    return head, stock


def student(head):
    model = pose_model(head='heatmap')
    model['head']['type'] = head
    return build(model)


def test_second_output_is_the_last_layer_on_the_kept_channels():
    head, _ = heads(drop_ratio=0.5)
    seen = {}
    head.dropout.register_forward_hook(lambda m, args, out: seen.update(whole=args[0], kept=out))
    head.dropped.register_forward_hook(lambda m, args, out: seen.update(heatmaps=out))
    clean = head((torch.rand(8, 4, 4, 3), ))
    mask = (seen['kept'] != 0).float().amax((2, 3), keepdim=True)
    assert 0 < mask.mean() < 1
    torch.testing.assert_close(seen['heatmaps'], head.final_layer(seen['whole'] * mask / 0.5))
    torch.testing.assert_close(clean, head.final_layer(seen['whole']))


def test_evaluation_is_the_stock_heads():
    head, stock = heads()
    feats = (torch.rand(2, 4, 4, 3), )
    assert torch.equal(head.eval()(feats), stock.eval()(feats))


def test_deployed_student_has_the_parameters_and_flops_of_the_baseline():
    sizes = []
    for head in ('ChannelDropoutHead', 'HeatmapHead'):
        model = student(head).eval()
        model.forward = model._forward
        info = get_model_complexity_info(model, (3, 64, 64), show_table=False, show_arch=False)
        sizes.append((info['params'], info['flops']))
    assert sizes[0] == sizes[1] and min(sizes[0]) > 0


def test_gradient_of_the_second_output_reaches_the_backbone():
    model = student('ChannelDropoutHead').train()
    with Recorder(model, ['head.dropped'], 'student_taps').record() as record:
        model.loss(**batch(model))
    assert record['head.dropped'].shape == record.outputs.shape
    assert not torch.equal(record['head.dropped'], record.outputs)
    record['head.dropped'].square().mean().backward()
    assert model.backbone.conv1.weight.grad.abs().sum() > 0


@pytest.mark.parametrize('kwargs, message', [
    (dict(drop_ratio=1.0), 'drop_ratio=1.0'),
    (dict(final_layer=None), 'final_layer=None'),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        ChannelDropoutHead(**SMALL, **kwargs)
