"""Datasets."""
from .synthetic import SyntheticPoseDataset
from .views import ViewDataset

__all__ = ['SyntheticPoseDataset', 'ViewDataset']
