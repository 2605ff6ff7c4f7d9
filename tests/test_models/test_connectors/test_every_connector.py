"""What every connector does with the arguments that they share."""
import pytest
import torch
from mmcv.cnn import ConvModule
from mmpose.registry import MODELS

CONFIGS = [
    dict(type='ConvAligner', in_channels=3, out_channels=4),
    dict(type='ChannelDropoutConnector', in_channels=3, out_channels=4),
    dict(type='MFTConnector', in_channels=3, out_channels=4),
    dict(type='ABFConnector', in_channels=3, out_channels=4, mid_channels=5),
    dict(type='WeightAllocation', batch_size=4, num_student=2, num_teacher=2),
]


@pytest.mark.parametrize('config', CONFIGS, ids=lambda config: config['type'])
def test_layers_are_initialised_as_the_config_says(config):
    connector = MODELS.build(dict(config, init_cfg=dict(type='Constant', layer=['Conv2d', 'Linear'], val=0.25)))
    connector.init_weights()
    by_mmcv = {layer for m in connector.modules() if isinstance(m, ConvModule) for layer in m.modules()}  # its own rule
    layers = [m for m in connector.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)) and m not in by_mmcv]
    assert layers and all((m.weight == 0.25).all() for m in layers)


@pytest.mark.parametrize('config', CONFIGS[:4], ids=lambda config: config['type'])
def test_size_stays_by_default(config):
    connector, x = MODELS.build(config), torch.rand(2, 3, 8, 6)
    output = connector(x, torch.rand(2, 5, 4, 3))[0] if config['type'] == 'ABFConnector' else connector(x)
    assert output.shape == (2, 4, 8, 6)
