"""Datasets."""
from .annotations import count_annotations
from .synthetic import SyntheticPoseDataset
from .views import ViewDataset

count_annotations()

__all__ = ['SyntheticPoseDataset', 'ViewDataset', 'count_annotations']
