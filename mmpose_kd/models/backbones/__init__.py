from .lspd import LSPDNet
from .shuffle_hrnet import ShuffleHRNet

__all__ = ['LSPDNet', 'ShuffleHRNet']
