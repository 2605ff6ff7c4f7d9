from .base import Objective, keypoint_weights
from .cross_stage import CrossStageObjective
from .feature import FeatureObjective
from .output import OutputObjective

__all__ = ['CrossStageObjective', 'FeatureObjective', 'Objective', 'OutputObjective', 'keypoint_weights']
