from .channel_dropout_head import ChannelDropoutHead
from .lspd_head import LSPDHead
from .okdhp_head import OKDHPHead
from .simdr_head import SimDRHead

__all__ = ['ChannelDropoutHead', 'LSPDHead', 'OKDHPHead', 'SimDRHead']
