"""docs/lspd_stages.py: the accuracy of each stage of LSPD."""
from pathlib import Path

import pytest
import scripts
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from mmpose_kd.datasets.samples import validation_samples
from mmpose_kd.deploy import check

STAGES = scripts.load('lspd_stages')
CONFIG = Path(__file__).parent.parent / 'configs' / 'lspd' / 'lspd_resnet18-w8_synthetic-64x64.py'


@pytest.fixture(scope='module')
def trained():
    """A model that moves its joints from stage to stage, and samples."""
    init_default_scope('mmpose')
    cfg = Config.fromfile(str(CONFIG))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    for stage in (model.backbone.first_stage, *model.backbone.later_stages):
        torch.nn.init.normal_(stage[-1].weight)
    return model, validation_samples(cfg, 8)


def test_first_stage_is_what_is_deployed(trained):
    model, samples = trained
    deployed = check.predict(model, check.preprocessed(model, samples))
    assert STAGES.by_stage(model, samples)[0] == check.pck(deployed, samples)
    assert not model.backbone.training and not model.head.training


def test_later_stage_is_decoded_from_its_own_heatmaps(trained):
    model, samples = trained
    images = check.preprocessed(model, samples)
    net = model.backbone
    with torch.no_grad():
        feature = net.backbone(images)[net.in_index]
        second = net.later_stages[0](torch.cat([feature, net.first_stage(feature)], dim=1))
        values = STAGES.by_stage(model, samples)
    assert len(values) == 3
    assert values[1] == check.pck(check.decode_raw(model, dict(heatmaps=second.numpy())), samples)
