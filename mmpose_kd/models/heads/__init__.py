from .channel_dropout_head import ChannelDropoutHead
from .lspd_head import LSPDHead
from .simdr_head import SimDRHead

__all__ = ['ChannelDropoutHead', 'LSPDHead', 'SimDRHead']
