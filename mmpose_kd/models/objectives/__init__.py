from mmpose_kd.models.labels import keypoint_weights

from .base import Objective
from .cross_stage import CrossStageObjective
from .feature import FeatureObjective
from .output import OutputObjective
from .pose import PoseObjective
from .review import ReviewKDObjective

__all__ = [
    'CrossStageObjective', 'FeatureObjective', 'Objective', 'OutputObjective', 'PoseObjective',
    'ReviewKDObjective', 'keypoint_weights'
]
