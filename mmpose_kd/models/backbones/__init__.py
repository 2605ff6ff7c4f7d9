from .shuffle_hrnet import ShuffleHRNet

__all__ = ['ShuffleHRNet']
