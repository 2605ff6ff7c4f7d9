"""People whom a model gets right and its baseline does not, and the reverse."""
from typing import List, NamedTuple, Sequence, Tuple

import cv2
import numpy as np
from mmengine.config import Config

from mmpose_kd.visualization.poses import draw_pose, side_by_side

from .measure import mean_distances
from .plots import data_uri
from .predict import Predictions, people

SIZE = 224  # pixels of the longer side of a column
MARGIN = 0.15  # of the longer side of the box, around it


class Picture(NamedTuple):
    """A picture with what it shows."""
    source: str
    caption: str


def draw_people(cfg: Config, places: Sequence[int], baseline: Predictions, student: Predictions) -> List[Picture]:
    """Pictures of some people: labels, baseline and student beside each other.

    Args:
        cfg (Config): The config with their validation set.
        places (Sequence[int]): Their places among the predictions.
        baseline (Predictions): Predictions of the baseline.
        student (Predictions): Those of the student for the same people.

    Returns:
        list[Picture]: JPEG pictures as data URIs, with the mean error of both in the caption.
    """
    images, meta = people(cfg, student.indices[list(places)])
    pictures = []
    for place, image in zip(places, images):
        crop, origin, scale = _crop(image, student.boxes[place])
        columns = {}
        for title, joints in (('labels', student.labels), ('baseline', baseline.keypoints),
                              ('student', student.keypoints)):
            drawn = student.labelled[place] & np.isfinite(joints[place]).all(-1)
            columns[title] = draw_pose(crop, (joints[place] - origin) * scale, drawn, meta)
        found = [100 * mean_distances(predictions)[place] for predictions in (baseline, student)]
        caption = (f'no. {student.indices[place]} of the validation set: joints are off by {found[0]:.1f} % of the box '
                   f'in the mean (baseline) and by {found[1]:.1f} % (student)')
        pictures.append(Picture(_jpeg(side_by_side(columns)), caption))
    return pictures


def _crop(image: np.ndarray, box: np.ndarray) -> Tuple[np.ndarray, np.ndarray, float]:
    """A square of the image around a box, enlarged or reduced; where it begins, and by how much."""
    half = (0.5 + MARGIN) * max(box[2] - box[0], box[3] - box[1])
    centre, limits = (box[:2] + box[2:]) / 2, image.shape[1::-1]
    left, top = (int(np.clip(value - half, 0, limit - 2)) for value, limit in zip(centre, limits))
    right, bottom = (int(np.clip(value + half, low + 2, limit))
                     for value, low, limit in zip(centre, (left, top), limits))
    crop = image[top:bottom, left:right]
    scale = SIZE / max(crop.shape[:2])
    size = tuple(max(1, round(scale * side)) for side in crop.shape[1::-1])
    resized = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return resized, np.array([left, top]), scale


def _jpeg(picture: np.ndarray) -> str:
    _, content = cv2.imencode('.jpg', picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data_uri('image/jpeg', content.tobytes())
