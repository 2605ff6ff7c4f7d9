import numpy as np
import pytest
import tiny
import torch
from mmpose.models.heads import HeatmapHead
from scipy.ndimage import correlate

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.heads.okdhp_head import FeatureAggregationUnit, OKDHPHead

SMALL = dict(in_channels=4, out_channels=17, deconv_out_channels=(6, ), deconv_kernel_sizes=(4, ))


def head(**kwargs):
    torch.manual_seed(0)
    return OKDHPHead(**SMALL, ensemble_channels=8, **kwargs)


def feats(seed=0):
    return (torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(seed)), )


def labels():
    return tiny.batch(tiny.build(tiny.pose_model(size=(32, 32))), size=(32, 32))['data_samples']


def test_ensemble_is_the_published_weighted_mean():
    torch.manual_seed(0)
    unit = FeatureAggregationUnit(in_channels=2, num_keypoints=3, num_branches=2, channels=8).eval()
    feat, heatmaps = torch.randn(1, 2, 6, 5), [torch.randn(1, 3, 4, 4) for _ in range(2)]

    def fc(layer, x):
        return layer.weight.detach().numpy() @ x + layer.bias.detach().numpy()

    pooled = np.zeros(8)
    for layer, size in zip(unit.convs, (3, 5, 7)):
        kernels = layer.conv.weight.detach().numpy()
        assert kernels.shape == (8, 2, size, size)
        filtered = np.stack([sum(correlate(feat[0, c].numpy(), kernel[c], mode='constant') for c in range(2))
                             for kernel in kernels])
        pooled += np.maximum(filtered / np.sqrt(1 + layer.bn.eps), 0).mean((1, 2))  # a fresh norm: mean 0, variance 1
    z = fc(unit.squeeze, pooled)
    logits = np.stack([fc(layer, z) for layer in unit.weigh])
    weights = np.exp(logits) / np.exp(logits).sum(0)
    expected = sum(weights[b][:, None, None] * heatmaps[b][0].numpy() for b in range(2))
    assert np.ptp(weights) > 0.01
    np.testing.assert_allclose(unit(feat, heatmaps)[0].detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_labels_train_every_branch_and_the_ensemble():
    model, samples = head(ensemble_weight=0.5).train(), labels()
    outputs = [h.detach().numpy() for h in model(feats())]
    label = torch.stack([s.gt_fields.heatmaps for s in samples]).numpy()
    weights = torch.cat([s.gt_instance_labels.keypoint_weights for s in samples]).numpy()
    own, first, second, ensemble = ((weights[..., None, None] * (h - label)**2).mean() for h in outputs)
    losses = {name: value.item() for name, value in model.loss(feats(), samples).items()}
    assert losses == pytest.approx(
        dict(loss_kpt=own, loss_peers=first + second, loss_ensemble=0.5 * ensemble), rel=1e-5)


def test_in_evaluation_the_labels_have_the_loss_of_the_deployed_branch_alone():
    model, samples = head().eval(), labels()  # a frozen head stays in evaluation
    label = torch.stack([s.gt_fields.heatmaps for s in samples]).numpy()
    weights = torch.cat([s.gt_instance_labels.keypoint_weights for s in samples]).numpy()
    expected = (weights[..., None, None] * (model(feats()).detach().numpy() - label)**2).mean()
    losses = model.loss(feats(), samples)
    assert set(losses) == {'loss_kpt'}
    assert losses['loss_kpt'].item() == pytest.approx(expected, rel=1e-5)


def test_ensembles_loss_trains_all_branches_and_their_weights():
    model = head(num_branches=2).train()
    torch.nn.init.normal_(model.final_layer.weight)  # else the two branches, and so the gradient, are all but equal
    model.loss(feats(), labels())['loss_ensemble'].backward()
    for layer in (model.final_layer, model.peers[0].final_layer, model.ensemble.squeeze):
        assert layer.weight.grad.abs().sum() > 0


def test_branches_start_apart():
    model = head()
    model.init_weights()
    own, first, second, _ = model.train()(feats())
    assert not torch.equal(own, first) and not torch.equal(first, second)


def test_deployed_head_is_the_stock_one():
    cfg = OKDHPHead.deployed(dict(
        type='OKDHPHead', num_branches=4, ensemble_weight=2., ensemble_channels=8, **SMALL))
    assert cfg == dict(type='HeatmapHead', **SMALL)
    model, stock = head(), HeatmapHead(**SMALL)
    trained_only = tuple(f'{name}.' for name in model.training_only)
    stock.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith(trained_only)}, strict=True)
    assert torch.equal(model.eval()(feats()), stock.eval()(feats()))


@pytest.mark.parametrize('kwargs, message', [
    (dict(num_branches=1), 'num_branches=1: expected a whole number of at least 2'),
    (dict(ensemble_channels=2.5), 'ensemble_channels=2.5'),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        OKDHPHead(**SMALL, **kwargs)
