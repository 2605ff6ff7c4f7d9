from .channel_dropout_head import ChannelDropoutHead
from .igp_gcn_head import IGPGCNHead
from .lspd_head import LSPDHead
from .okdhp_head import OKDHPHead
from .simdr_head import SimDRHead

__all__ = ['ChannelDropoutHead', 'IGPGCNHead', 'LSPDHead', 'OKDHPHead', 'SimDRHead']
