from .base import Objective, keypoint_weights
from .cross_stage import CrossStageObjective
from .feature import FeatureObjective
from .output import OutputObjective
from .pose import PoseObjective

__all__ = [
    'CrossStageObjective', 'FeatureObjective', 'Objective', 'OutputObjective', 'PoseObjective', 'keypoint_weights'
]
