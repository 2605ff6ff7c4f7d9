from .coordinate import SimDRKLLoss, SimDRLoss, gaussian_labels, simdr_cross_entropy, simdr_kl
from .feature import FeatureMSELoss, feature_mse
from .heatmap import HeatmapKDLoss, heatmap_kl, heatmap_mse

__all__ = [
    'FeatureMSELoss', 'HeatmapKDLoss', 'SimDRKLLoss', 'SimDRLoss', 'feature_mse', 'gaussian_labels', 'heatmap_kl',
    'heatmap_mse', 'simdr_cross_entropy', 'simdr_kl'
]
