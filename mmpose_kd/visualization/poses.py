"""Pictures of poses side by side."""
from functools import lru_cache
from typing import Dict, Sequence

import cv2
import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

BAR = 22  # height in pixels of the line that names a column


def draw_pose(image: np.ndarray, keypoints: np.ndarray, visible: np.ndarray, metainfo: dict) -> np.ndarray:
    """Draw one person's skeleton by MMPose's visualizer.

    Args:
        image (np.ndarray): RGB image (H, W, 3), uint8.
        keypoints (np.ndarray): Coordinates (K, 2) in pixels.
        visible (np.ndarray): Which keypoints to draw (K, ), true where drawn.
        metainfo (dict): The dataset's parsed metainfo, with skeleton and colours.

    Returns:
        np.ndarray: RGB image (H, W, 3), uint8.
    """
    return draw_poses(image, keypoints[None], visible[None], metainfo)


def draw_poses(image: np.ndarray, keypoints: np.ndarray, visible: np.ndarray, metainfo: dict) -> np.ndarray:
    """Draw the skeletons of several persons, as :func:`draw_pose` draws one.

    Args:
        image (np.ndarray): RGB image (H, W, 3), uint8.
        keypoints (np.ndarray): Coordinates (P, K, 2) in pixels.
        visible (np.ndarray): Which keypoints to draw (P, K), true where drawn.
        metainfo (dict): The dataset's parsed metainfo, with skeleton and colours.

    Returns:
        np.ndarray: RGB image (H, W, 3), uint8.
    """
    visualizer = _visualizer(max(2, image.shape[0] // 80), max(1, image.shape[0] // 120))
    visualizer.set_dataset_meta(metainfo)
    shown = visible.astype(np.float32)
    keypoints = np.where(visible[..., None], keypoints, 0)  # also where they are not numbers
    persons = InstanceData(keypoints=keypoints, keypoint_scores=shown, keypoints_visible=shown)
    sample = PoseDataSample(pred_instances=persons)
    visualizer.add_datasample('', image.copy(), sample, draw_gt=False, draw_bbox=False, kpt_thr=0.5)
    return visualizer.get_image()


@lru_cache(maxsize=8)
def _visualizer(radius: int, line_width: int) -> PoseLocalVisualizer:
    return PoseLocalVisualizer(radius=radius, line_width=line_width)  # with a figure, which takes longer than to draw


def of_joints(metainfo: dict, joints: Sequence[int]) -> dict:
    """The metainfo of some of a dataset's joints, in their order: names, colours and limbs.

    Args:
        metainfo (dict): The dataset's parsed metainfo.
        joints (Sequence[int]): Places of the joints in it.

    Returns:
        dict: The metainfo, with the limbs that join two of them.
    """
    places = {joint: place for place, joint in enumerate(joints)}
    limbs = [i for i, link in enumerate(metainfo['skeleton_links']) if all(joint in places for joint in link)]
    return dict(
        metainfo,
        keypoint_id2name={place: metainfo['keypoint_id2name'][joint] for joint, place in places.items()},
        keypoint_colors=np.asarray(metainfo['keypoint_colors'])[list(joints)],
        skeleton_links=[tuple(places[joint] for joint in metainfo['skeleton_links'][i]) for i in limbs],
        skeleton_link_colors=np.asarray(metainfo['skeleton_link_colors']).reshape(-1, 3)[limbs])


def pose_grid(images: Sequence[np.ndarray],
              poses: Dict[str, Sequence[np.ndarray]],
              visible: Sequence[np.ndarray],
              metainfo: dict,
              size: int = 256) -> np.ndarray:
    """A picture with a row for each source of poses and a column for each person.

    Args:
        images (Sequence[np.ndarray]): RGB images (H, W, 3).
        poses (dict[str, Sequence[np.ndarray]]): For each row's title, the keypoints (K, 2) in each image.
        visible (Sequence[np.ndarray]): Which keypoints to draw in each image (K, ).
        metainfo (dict): The dataset's parsed metainfo.
        size (int): Width and height of a cell in pixels. Default: 256.

    Returns:
        np.ndarray: RGB picture, uint8.
    """
    rows = []
    for title, keypoints in poses.items():
        bar = np.full((BAR, size * len(images), 3), 255, np.uint8)
        cv2.putText(bar, title, (4, BAR - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        cells = [_cell(*one, metainfo, size) for one in zip(images, keypoints, visible)]
        rows += [bar, np.concatenate(cells, axis=1)]
    return np.concatenate(rows)


def side_by_side(images: Dict[str, np.ndarray]) -> np.ndarray:
    """Images of the same height beside each other, each under the lines of its title.

    Args:
        images (dict[str, np.ndarray]): RGB image (H, W, 3) by title; the titles have the same number of lines.

    Returns:
        np.ndarray: RGB picture, uint8.
    """
    columns = []
    for title, image in images.items():
        lines = title.split('\n')
        bar = np.full((BAR * len(lines), image.shape[1], 3), 255, np.uint8)
        for i, line in enumerate(lines):
            (width, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
            scale = 0.45 * min(1, (image.shape[1] - 8) / max(width, 1))
            cv2.putText(bar, line, (4, BAR * (i + 1) - 7), cv2.FONT_HERSHEY_SIMPLEX, max(scale, 0.1), (0, 0, 0), 1,
                        cv2.LINE_AA)
        columns.append(np.concatenate([bar, image]))
    return np.concatenate(columns, axis=1)


def _cell(image: np.ndarray, keypoints: np.ndarray, visible: np.ndarray, metainfo: dict, size: int) -> np.ndarray:
    scale = size / max(image.shape[:2])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=interpolation)
    drawn = draw_pose(resized, keypoints * scale, visible, metainfo)
    cell = np.full((size, size, 3), 255, np.uint8)
    cell[:drawn.shape[0], :drawn.shape[1]] = drawn
    return cell
