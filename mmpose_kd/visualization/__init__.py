from .poses import draw_pose, pose_grid

__all__ = ['draw_pose', 'pose_grid']
