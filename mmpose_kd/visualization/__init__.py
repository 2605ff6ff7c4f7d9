from .figures import draw_allocation, draw_distributions, draw_heatmaps, draw_matrix
from .poses import draw_pose, pose_grid
from .similarity import feature_similarity

__all__ = [
    'draw_allocation', 'draw_distributions', 'draw_heatmaps', 'draw_matrix', 'draw_pose', 'feature_similarity',
    'pose_grid'
]
