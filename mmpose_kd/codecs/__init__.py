from .simdr_label import SimDRLabel

__all__ = ['SimDRLabel']
