import numpy as np
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmpose_kd.visualization import draw_pose, pose_grid

COCO = parse_pose_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))
BLACK = np.zeros((60, 80, 3), np.uint8)
KEYPOINTS = np.stack([np.linspace(10, 70, 17), np.linspace(10, 50, 17)], axis=1)


def test_visible_keypoint_is_drawn_in_its_colour_and_others_are_not():
    visible = np.zeros(17, bool)
    visible[0] = True
    picture = draw_pose(BLACK, KEYPOINTS, visible, COCO)
    assert tuple(picture[10, 10]) == tuple(COCO['keypoint_colors'][0])
    assert not picture[45:, 60:].any()
    assert not BLACK.any()  # the image itself stays as it was


def test_a_keypoint_that_is_not_drawn_may_be_nowhere():
    visible = np.ones(17, bool)
    visible[3] = False
    nowhere = KEYPOINTS.copy()
    nowhere[3] = np.nan
    assert np.array_equal(draw_pose(BLACK, nowhere, visible, COCO), draw_pose(BLACK, KEYPOINTS, visible, COCO))


def test_grid_has_a_row_for_each_source_and_a_cell_for_each_person():
    visible = np.ones(17, bool)
    poses = dict(labels=[KEYPOINTS] * 3, student=[KEYPOINTS + 5] * 3)
    grid = pose_grid([BLACK] * 3, poses, [visible] * 3, COCO, size=40)
    assert grid.shape == (2 * (22 + 40), 3 * 40, 3)
    assert (grid[22 + 31:22 + 40] == 255).all()  # below the image, 30 pixels high, the cell is white
