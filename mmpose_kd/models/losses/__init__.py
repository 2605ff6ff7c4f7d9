from .coordinate import SimDRKLLoss, SimDRLoss, gaussian_labels, simdr_cross_entropy, simdr_kl
from .feature import FeatureMSELoss, feature_mse
from .heatmap import HeatmapKDLoss, heatmap_kl, heatmap_mse
from .relation import (
                       AttentionTransferLoss,
                       RKDLoss,
                       SimilarityLoss,
                       attention_distance,
                       rkd_angle,
                       rkd_distance,
                       similarity_distance,
)

__all__ = [
    'AttentionTransferLoss', 'FeatureMSELoss', 'HeatmapKDLoss', 'RKDLoss', 'SimDRKLLoss', 'SimDRLoss',
    'SimilarityLoss', 'attention_distance', 'feature_mse', 'gaussian_labels', 'heatmap_kl', 'heatmap_mse',
    'rkd_angle', 'rkd_distance', 'simdr_cross_entropy', 'simdr_kl', 'similarity_distance'
]
