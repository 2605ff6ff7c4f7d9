from .figures import draw_allocation, draw_distributions, draw_heatmaps, draw_matrix
from .poses import draw_pose, draw_poses, pose_grid, side_by_side
from .similarity import feature_similarity

__all__ = [
    'draw_allocation', 'draw_distributions', 'draw_heatmaps', 'draw_matrix', 'draw_pose', 'draw_poses',
    'feature_similarity', 'pose_grid', 'side_by_side'
]
