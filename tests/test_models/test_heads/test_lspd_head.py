import pytest
import tiny
import torch
from mmpose.models.heads import CPMHead

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.heads.lspd_head import LSPDHead

CODEC = dict(type='MSRAHeatmap', input_size=(32, 32), heatmap_size=(8, 8), sigma=1.0)
WITH_LAYERS = dict(in_channels=4, out_channels=17, num_stages=3, deconv_out_channels=(6, ), deconv_kernel_sizes=(4, ))


def test_labels_train_every_stage_by_the_stock_loss():
    head = LSPDHead(17, 17, 3, final_layer=None, decoder=CODEC)
    samples = tiny.batch(tiny.build(tiny.pose_model(size=(32, 32))), size=(32, 32))['data_samples']
    stages = [torch.rand(2, 17, 8, 8, requires_grad=True) for _ in range(3)]
    loss = head.train().loss(stages, samples)['loss_kpt']
    label = torch.stack([s.gt_fields.heatmaps for s in samples]).numpy()
    weights = torch.cat([s.gt_instance_labels.keypoint_weights for s in samples]).numpy()
    expected = sum((weights[..., None, None] * (s.detach().numpy() - label)**2).mean() for s in stages)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('losses', [dict(type='KeypointMSELoss'), [
    dict(type='KeypointMSELoss', loss_weight=weight) for weight in (1., 2., 3.)]], ids=['one loss', 'one a stage'])
def test_in_evaluation_the_labels_have_the_loss_of_the_first_stage_alone(losses):
    head = LSPDHead(17, 17, 3, final_layer=None, decoder=CODEC, loss=losses).eval()  # a frozen head stays in evaluation
    samples = tiny.batch(tiny.build(tiny.pose_model(size=(32, 32))), size=(32, 32))['data_samples']
    maps = torch.rand(2, 17, 8, 8)
    label = torch.stack([s.gt_fields.heatmaps for s in samples]).numpy()
    got = head.loss([maps], samples)
    assert set(got) == {'loss_kpt'}
    assert got['loss_kpt'].item() == pytest.approx(((maps.numpy() - label)**2).mean(), rel=1e-5)


def test_deployed_head_is_the_stock_one_of_one_stage():
    head = LSPDHead(**WITH_LAYERS)
    cfg = LSPDHead.deployed(dict(type='LSPDHead', **WITH_LAYERS))
    assert cfg.pop('type') == 'CPMHead'
    stock, later = CPMHead(**cfg), tuple(f'{name}.' for name in head.training_only)
    stock.load_state_dict({k: v for k, v in head.state_dict().items() if not k.startswith(later)}, strict=True)
    feat = torch.rand(2, 4, 4, 4)
    (first, ), (plain, ) = head.eval()([feat]), stock.eval()([feat])
    assert torch.equal(first, plain)


@pytest.mark.parametrize('training, stages', [(True, 2), (True, 1), (False, 3)])
def test_other_number_of_stages_is_refused(training, stages):
    head = LSPDHead(17, 17, 3, final_layer=None).train(training)
    with pytest.raises(ConfigError, match=f'returns {stages} maps, expected {3 if training else 1}.*same num_stages'):
        head([torch.rand(1, 17, 8, 8)] * stages)


def test_maps_of_other_channels_than_stated_are_refused():
    head = LSPDHead(16, 17, 3, final_layer=None)
    with pytest.raises(ConfigError, match='in_channels=16 given, but the maps have 17 channels'):
        head([torch.rand(1, 17, 8, 8)] * 3)


def test_of_one_loss_for_each_stage_the_first_is_deployed():
    losses = [dict(type='KeypointMSELoss', loss_weight=weight) for weight in (1., 2., 3.)]
    cfg = LSPDHead.deployed(dict(type='LSPDHead', **WITH_LAYERS, loss=losses))
    assert cfg.pop('type') == 'CPMHead'
    assert CPMHead(**cfg).loss_module.loss_weight == 1.
