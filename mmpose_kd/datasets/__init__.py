"""Datasets."""
from .synthetic import SyntheticPoseDataset

__all__ = ['SyntheticPoseDataset']
