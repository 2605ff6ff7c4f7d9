import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from scipy.ndimage import correlate

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.backbones import lspd

# a ResNet whose only map has 8 channels and stride 4
BACKBONE = dict(type='ResNet', depth=18, stem_channels=8, base_channels=8, num_stages=1, strides=(1, ),
                dilations=(1, ), out_indices=(0, ))


def net(**changes):
    torch.manual_seed(0)
    cfg = dict(type='LSPDNet', backbone=BACKBONE, in_channels=8, num_keypoints=5, channels=12, num_blocks=2)
    return build(MODELS, {**cfg, **changes}, 'model.backbone')


def with_statistics(module):
    """Batch norms with random weights and statistics, as after training."""
    for norm in (m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        for values in (norm.weight, norm.bias, norm.running_mean):
            torch.nn.init.uniform_(values, -1, 1)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2)
    return module.eval()


def test_block_is_the_equation_of_its_docstring():
    torch.manual_seed(0)
    block = with_statistics(lspd.MultiScaleBlock(3, (3, 5, 7), dict(type='BN')))
    x = torch.randn(1, 3, 9, 8)

    def norm(y, bn):
        g, b, m, v = (t.detach().numpy()[:, None, None] for t in (bn.weight, bn.bias, bn.running_mean, bn.running_var))
        return (y - m) / np.sqrt(v + bn.eps) * g + b

    relu, image = (lambda y: np.maximum(y, 0)), x[0].numpy()
    scales = 0
    for layer, size in zip(block.scales, (3, 5, 7)):
        kernels = layer.conv.weight.detach().numpy()
        assert kernels.shape == (3, 1, size, size)
        filtered = np.stack([correlate(image[c], kernels[c, 0], mode='constant') for c in range(3)])
        scales = scales + relu(norm(filtered, layer.bn))
    mixed = np.einsum('oi,ihw->ohw', block.mix.conv.weight.detach().numpy()[:, :, 0, 0], scales)
    expected = relu(image + norm(mixed, block.mix.bn))
    np.testing.assert_allclose(block(x)[0].detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_each_stage_gets_the_feature_and_the_last_ones_heatmaps():
    model = net().train()
    seen = {}
    model.backbone.register_forward_hook(lambda m, args, out: seen.update(feature=out[-1]))
    model.first_stage.register_forward_hook(lambda m, args, out: seen.update(first=args[0]))
    for i, stage in enumerate(model.later_stages):
        stage.register_forward_hook(lambda m, args, out, i=i: seen.update({i: args[0]}))
    heatmaps = model(torch.rand(2, 3, 32, 24))
    assert [h.shape for h in heatmaps] == [(2, 5, 8, 6)] * 3
    assert torch.equal(seen['first'], seen['feature'])
    assert torch.equal(seen[0], torch.cat((seen['feature'], heatmaps[0]), 1))
    assert torch.equal(seen[1], torch.cat((seen['feature'], heatmaps[1]), 1))


def test_last_stage_trains_the_first_through_its_heatmaps():
    model = net().train()
    model(torch.rand(2, 3, 32, 32))[-1].square().mean().backward()
    assert model.first_stage[-1].weight.grad.abs().sum() > 0


def test_evaluation_is_the_deployed_net():
    model = with_statistics(net())
    deployed = MODELS.build(lspd.LSPDNet.deployed(dict(
        type='LSPDNet', backbone=BACKBONE, in_channels=8, num_keypoints=5, channels=12, num_blocks=2, num_stages=3)))
    later = tuple(f'{name}.' for name in model.training_only)
    deployed.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith(later)}, strict=True)
    images = torch.rand(2, 3, 32, 32)
    (trained, ), (plain, ) = model(images), deployed.eval()(images)
    assert torch.equal(trained, plain)


def test_another_map_of_the_backbone():
    backbone = dict(BACKBONE, num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(0, 1))
    assert net(backbone=backbone, in_index=0).eval()(torch.rand(1, 3, 32, 32))[0].shape == (1, 5, 8, 8)
    with pytest.raises(ConfigError, match=r'map -1 of the backbone has the shape \(16, 4, 4\), expected 8 channels'):
        net(backbone=backbone)(torch.rand(1, 3, 32, 32))
    with pytest.raises(ConfigError, match=r'LSPDNet: in_index=2 given, but the backbone or neck returns 2 maps\. Ch'):
        net(backbone=backbone, in_index=2)(torch.rand(1, 3, 32, 32))


@pytest.mark.parametrize('changes, message', [
    (dict(num_stages=0), 'num_stages=0: expected a whole number of at least 1'),
    (dict(num_blocks=1.5), 'num_blocks=1.5'),
    (dict(kernel_sizes=(3, 4)), r'kernel_sizes=\(3, 4\) given, expected odd sizes'),
    (dict(kernel_sizes=3), 'kernel_sizes=3'),
    (dict(backbone=dict(type='ResNett')), 'LSPDNet.backbone.*ResNett'),
])
def test_mistakes_in_the_config_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        net(**changes)
