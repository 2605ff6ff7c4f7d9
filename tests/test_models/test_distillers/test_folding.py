"""BatchNorm of a teacher becomes part of its convolutions."""
import pytest
import tiny
import torch
from mmpose.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmpose_kd.models.distillers.folding import fold_batch_norms
from mmpose_kd.models.distillers.teacher import Teacher
from mmpose_kd.models.taps import Recorder


@MODELS.register_module()
class NormFirst(nn.Module):
    """A backbone whose BatchNorm runs before the convolution that it is registered behind."""

    def __init__(self, channels, affine=True):
        super().__init__()
        self.stem = nn.MaxPool2d(32)
        self.conv = nn.Conv2d(3, channels, 1)
        self.norm = nn.BatchNorm2d(3, affine=affine)

    def forward(self, x):
        return (self.conv(self.norm(self.stem(x))), )


def trained(cfg):
    """A model in evaluation mode whose BatchNorms have statistics and weights as after a training."""
    torch.manual_seed(0)
    model = tiny.build(cfg).eval()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            for tensor, low, high in ((module.running_mean, -1, 1), (module.running_var, 0.5, 2),
                                      (module.weight, 0.5, 2), (module.bias, -1, 1)):
                if tensor is not None:
                    tensor.data.uniform_(low, high)
    return model


def norms(model):
    return sum(isinstance(module, _BatchNorm) for module in model.backbone.modules())


@pytest.mark.parametrize('backbone', [
    dict(type='ResNet', depth=18, stem_channels=8, base_channels=8),
    dict(type='MobileNetV2', out_indices=(7, )),
    dict(type='LiteHRNet', in_channels=3, extra=dict(
        stem=dict(stem_channels=32, out_channels=32, expand_ratio=1), num_stages=1,
        stages_spec=dict(num_modules=(1, ), num_branches=(2, ), num_blocks=(1, ), module_type=('LITE', ),
                         with_fuse=(True, ), reduce_ratios=(8, ), num_channels=((40, 80), )), with_head=True)),
], ids=lambda cfg: cfg['type'])
def test_folded_backbone_computes_the_same_without_batch_norm(backbone):
    model = trained(dict(tiny.pose_model(8), backbone=backbone))
    model.head = nn.Identity()
    model.head.forward = lambda feats: feats[-1]
    folded, x = fold_batch_norms(model, [], (64, 64)), torch.randn(2, 3, 64, 64)
    assert norms(model) > 0 and norms(folded) == 0
    torch.testing.assert_close(folded.extract_feat(x), model.extract_feat(x), rtol=1e-4, atol=1e-4)


def test_taps_on_batch_norms_and_blocks_keep_their_values():
    model, taps = trained(tiny.pose_model(8)), ['backbone.layer2.0.downsample.1', 'backbone.layer3']
    folded, x = fold_batch_norms(model, taps, (64, 64)), torch.randn(2, 3, 64, 64)
    assert norms(folded) == 0
    records = []
    for one in (model, folded):
        with Recorder(one, taps, 'taps').record() as record:
            one.head.forward(one.extract_feat(x))
        records.append(record.taps)
    torch.testing.assert_close(*records, rtol=1e-4, atol=1e-4)


def test_a_tapped_convolution_keeps_the_model_as_it_is_and_says_so(monkeypatch):
    said = []
    monkeypatch.setattr('mmpose_kd.models.distillers.folding.print_log', lambda text, logger: said.append(text))
    model = trained(tiny.pose_model(8))
    assert fold_batch_norms(model, ['backbone.conv1'], (64, 64)) is model
    reason, = said
    assert 'its BatchNorms stay apart from its convolutions, which makes it slower: ' in reason
    assert 'tap "backbone.conv1"' in reason


@pytest.mark.parametrize('channels, affine', [(3, True), (32, True), (3, False)])
def test_a_batch_norm_in_front_of_its_convolution_keeps_the_model_as_it_is(channels, affine):
    cfg = tiny.pose_model(4)
    backbone = dict(type='NormFirst', channels=channels, affine=affine)
    model = trained(dict(cfg, backbone=backbone, head=dict(cfg['head'], in_channels=channels)))
    assert fold_batch_norms(model, [], (64, 64)) is model
    assert isinstance(model.backbone.norm, nn.BatchNorm2d)


@MODELS.register_module()
class NormedWeight(nn.Module):
    """A backbone whose convolution has a weight that is computed from others."""

    def __init__(self, norm):
        super().__init__()
        self.stem, self.conv, self.norm = nn.MaxPool2d(32), norm(nn.Conv2d(3, 32, 1)), nn.BatchNorm2d(32)

    def forward(self, x):
        return (self.norm(self.conv(self.stem(x))), )


@pytest.mark.parametrize('norm', [nn.utils.weight_norm, nn.utils.parametrizations.spectral_norm])
def test_a_weight_that_is_computed_keeps_the_model_as_it_is(norm):
    model = trained(dict(tiny.pose_model(4), backbone=dict(type='NormedWeight', norm=norm)))
    assert fold_batch_norms(model.requires_grad_(False), [], (64, 64)) is model


def test_folded_weights_want_no_gradient():
    model = trained(tiny.pose_model(8)).requires_grad_(False)
    assert not any(p.requires_grad for p in fold_batch_norms(model, [], (64, 64)).parameters())


def test_fingerprint_leaves_out_how_the_teacher_was_trained():
    cfg = tiny.pose_model(8)
    torch.manual_seed(0)
    one = Teacher(cfg, allow_random_weights=True)
    torch.manual_seed(0)
    assert Teacher(dict(cfg, train_cfg=dict(compute_acc=False)), allow_random_weights=True).fingerprint() == \
        one.fingerprint()


def test_fingerprint_is_of_the_weights_that_were_loaded():
    torch.manual_seed(0)
    folded = Teacher(tiny.pose_model(8), allow_random_weights=True)
    torch.manual_seed(0)
    whole = Teacher(tiny.pose_model(8), allow_random_weights=True, taps=['backbone.conv1'])
    assert norms(folded.model) == 0 < norms(whole.model)
    assert folded.fingerprint() == whole.fingerprint()
