from .abf import ABFConnector
from .align import ConvAligner, resize_layer
from .channel_dropout import ChannelDropoutConnector
from .mft import MFTConnector
from .weight_allocation import WeightAllocation, stage_pairs

__all__ = [
    'ABFConnector', 'ChannelDropoutConnector', 'ConvAligner', 'MFTConnector', 'WeightAllocation', 'resize_layer',
    'stage_pairs'
]
