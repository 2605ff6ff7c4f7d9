from .align import ConvAligner, resize_layer
from .mft import MFTConnector
from .weight_allocation import WeightAllocation, stage_pairs

__all__ = ['ConvAligner', 'MFTConnector', 'WeightAllocation', 'resize_layer', 'stage_pairs']
