from .coordinate import SimDRKLLoss, SimDRLoss, gaussian_labels, simdr_cross_entropy, simdr_kl
from .expectation import expected_coordinates, joint_distributions, pose_in_pixels
from .feature import FeatureMSELoss, feature_mse
from .heatmap import HeatmapKDLoss, heatmap_kl, heatmap_mse
from .pose import ProgressivePoseLoss, progressive_pose_l1
from .relation import (
                       AttentionTransferLoss,
                       RKDLoss,
                       SimilarityLoss,
                       attention_distance,
                       rkd_angle,
                       rkd_distance,
                       similarity_distance,
)
from .review import HCLLoss, hierarchical_context_loss
from .structure import JointStructureLoss, joint_distance, joint_relation, limb_direction

__all__ = [
    'AttentionTransferLoss', 'FeatureMSELoss', 'HCLLoss', 'HeatmapKDLoss', 'JointStructureLoss', 'ProgressivePoseLoss',
    'RKDLoss', 'SimDRKLLoss', 'SimDRLoss', 'SimilarityLoss', 'attention_distance', 'expected_coordinates',
    'feature_mse', 'gaussian_labels', 'heatmap_kl', 'heatmap_mse', 'hierarchical_context_loss', 'joint_distance',
    'joint_distributions', 'joint_relation', 'limb_direction', 'pose_in_pixels', 'progressive_pose_l1', 'rkd_angle',
    'rkd_distance', 'simdr_cross_entropy', 'simdr_kl', 'similarity_distance'
]
