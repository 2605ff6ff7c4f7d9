from .channel_dropout_head import ChannelDropoutHead
from .simdr_head import SimDRHead

__all__ = ['ChannelDropoutHead', 'SimDRHead']
