"""Several models on the same images: where they put the joints, how fast, and how far apart."""
import json
import math
import statistics
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import cv2
import numpy as np
from mmpose.apis import inference_topdown

from mmpose_kd.config import load_config
from mmpose_kd.deploy.check import chosen_joints
from mmpose_kd.deploy.student import deployed_student
from mmpose_kd.errors import ConfigError, did_you_mean
from mmpose_kd.keypoints import keypoint_names, parse_metainfo

from .media import Source
from .poses import draw_poses, of_joints, side_by_side


class ComparedModel:
    """A top-down model as it is deployed: of a distilled run's config, the student alone.

    Args:
        config (str): Config file, or ``'mmpose::...'``.
        checkpoint (str): File or URL of its weights, which must fit the config exactly.
        name (str): What it is called in picture and table.
        device (str): Where it runs. Default: 'cpu'.

    Attributes:
        keypoints (list[str]): Names of the joints that it returns.
        metainfo (dict): Parsed metainfo of these joints, to draw them.
        times (list[float]): Seconds for each image: cropping, the model, decoding. The first is run once before.
        distances (list[float]): Disagreement with the first model, one value for each image where there is one.

    Raises:
        ConfigError: Config or checkpoint cannot be read or do not belong together, or the model is not a top-down one.
    """

    def __init__(self, config: str, checkpoint: str, name: str, device: str = 'cpu') -> None:
        self.name = name
        self.times: List[float] = []
        self.distances: List[float] = []
        self._warm = False
        cfg = load_config(config)
        if not (cfg.get('test_dataloader') or {}).get('dataset', {}).get('pipeline'):
            raise ConfigError(f'config "{config}" has no test_dataloader with a pipeline, which says how an image is '
                              'prepared.')
        self.net = deployed_student(cfg, checkpoint, device)
        if not self.net.dataset_meta:  # as MMPose's init_model has it
            self.net.dataset_meta = parse_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))
        names = keypoint_names(self.net.dataset_meta) or []
        joints = chosen_joints(self.net, len(names))
        self.keypoints = [names[joint] for joint in joints]
        whole = joints == list(range(len(names)))
        self.metainfo = self.net.dataset_meta if whole else of_joints(self.net.dataset_meta, joints)

    def predict(self, image: np.ndarray, boxes: Optional[np.ndarray] = None) -> Dict[str, np.ndarray]:
        """Joints of each person.

        Args:
            image (np.ndarray): RGB image (H, W, 3), uint8.
            boxes (np.ndarray, optional): Boxes (P, 4) of x1, y1, x2, y2 in pixels; without any, the model does not
                run. Default: the whole image.

        Returns:
            dict[str, np.ndarray]: ``keypoints`` (P, K, 2) in pixels and ``scores`` (P, K).
        """
        if boxes is not None and not len(boxes):  # inference_topdown would take the whole image
            return dict(keypoints=np.zeros((0, len(self.keypoints), 2)), scores=np.zeros((0, len(self.keypoints))))
        bgr = np.ascontiguousarray(image[..., ::-1])
        if not self._warm:
            inference_topdown(self.net, bgr, boxes)
            self._warm = True
        begin = time.perf_counter()
        samples = inference_topdown(self.net, bgr, boxes)
        self.times.append(time.perf_counter() - begin)
        instances = [sample.pred_instances for sample in samples]
        return dict(
            keypoints=np.concatenate([np.asarray(x.keypoints)[..., :2] for x in instances]),
            scores=np.concatenate([np.asarray(x.keypoint_scores) for x in instances]))


def shared_keypoints(models: Sequence[ComparedModel]) -> List[List[int]]:
    """For each model, the indices of the joints that all of them have, by name and in the same order.

    Raises:
        ConfigError: They have none in common.
    """
    names = [name for name in models[0].keypoints if all(name in model.keypoints for model in models)]
    if not names:
        raise ConfigError('the models have no keypoint in common: ' +
                          '; '.join(f'{m.name} has {", ".join(m.keypoints)}' for m in models) + '.')
    return [[model.keypoints.index(name) for name in names] for model in models]


def disagreement(a: np.ndarray, b: np.ndarray, shown: np.ndarray, boxes: np.ndarray) -> float:
    """Mean distance of two models' joints, as a fraction of the longer side of the person's box.

    Args:
        a (np.ndarray): Joints (P, K, 2) of one model in pixels.
        b (np.ndarray): The same joints (P, K, 2) of the other.
        shown (np.ndarray): Which joints count (P, K): those that both models are sure of.
        boxes (np.ndarray): Boxes (P, 4) of x1, y1, x2, y2.

    Returns:
        float: 0 where they agree; NaN where no joint counts.
    """
    sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    distances = np.linalg.norm(a - b, axis=-1) / sides[:, None]
    return float(distances[shown].mean()) if shown.any() else math.nan


def compare_image(models: Sequence[ComparedModel],
                  image: np.ndarray,
                  boxes: Optional[np.ndarray] = None,
                  threshold: float = 0.3,
                  height: int = 480) -> np.ndarray:
    """Run the models on an image and draw them side by side.

    Each column says the model's name, the median time of its last 30 images, and its :func:`disagreement` with the
    first model on this one.

    Args:
        models (Sequence[ComparedModel]): The models.
        image (np.ndarray): RGB image (H, W, 3), uint8.
        boxes (np.ndarray, optional): Boxes (P, 4) of x1, y1, x2, y2 in pixels. Default: the whole image.
        threshold (float): Joints with a smaller score are not drawn and not compared. Default: 0.3.
        height (int): Height in pixels that the image is drawn with. Default: 480.

    Returns:
        np.ndarray: RGB picture, uint8.
    """
    factor = height / image.shape[0]
    width = max(1, round(image.shape[1] * factor))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    canvas = cv2.resize(image, (width, height), interpolation=interpolation)
    persons = np.array([[0, 0, *image.shape[1::-1]]], np.float32) if boxes is None else boxes
    predictions = [model.predict(image, boxes) for model in models]
    shared = [(found['keypoints'][:, joints], found['scores'][:, joints] > threshold)
              for found, joints in zip(predictions, shared_keypoints(models))]
    (first, sure), columns = shared[0], {}
    for i, (model, found, (joints, shown)) in enumerate(zip(models, predictions, shared)):
        title = f'{model.name}\n' + (f'{1000 * statistics.median(model.times[-30:]):.1f} ms' if model.times else '')
        if i:
            distance = disagreement(first, joints, sure & shown, persons)
            if math.isfinite(distance):
                model.distances.append(distance)
            title += f', {100 * distance:.1f} % from {models[0].name}' if math.isfinite(distance) else ''
        scaled = found['keypoints'] * (width / image.shape[1], factor)
        columns[title] = draw_poses(canvas, scaled, found['scores'] > threshold, model.metainfo)
    return side_by_side(columns)


def summary(models: Sequence[ComparedModel]) -> List[Dict[str, Any]]:
    """Of each model, ``name``, median ``ms`` for an image, and mean and 90th percentile of the disagreement in %.

    What was not measured, as no image had a person or no joint counted, is None.
    """
    rows = []
    for model in models:
        distances = 100 * np.array(model.distances)
        rows.append(dict(
            name=model.name,
            ms=1000 * statistics.median(model.times) if model.times else None,
            mean=float(distances.mean()) if len(distances) else None,
            p90=float(np.percentile(distances, 90)) if len(distances) else None))
    return rows


def read_boxes(path: str, source: Source) -> Dict[Optional[str], np.ndarray]:
    """Boxes of the persons from a JSON file.

    Args:
        path (str): A list of boxes [x1, y1, x2, y2] in pixels for every image or frame, or a dict of such lists by the
            image's file name or the frame's number. What the dict does not name is taken whole; an empty list says
            that nobody is there.
        source (Source): The images.

    Returns:
        dict: Boxes (P, 4) by name; under None those for every image.

    Raises:
        ConfigError: The file cannot be read, a box is none, or a name is none of the images'.
    """
    try:
        content = json.loads(Path(path).expanduser().read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f'boxes "{path}" cannot be read: {error}.') from None
    entries = content if isinstance(content, dict) else {None: content}
    for name in entries:
        if name is not None and not source.has(name):
            raise ConfigError(f'boxes "{path}": "{name}" is no image of "{source.path}".'
                              f'{did_you_mean(name, source.names)}')
    return {name: _checked_boxes(boxes, path) for name, boxes in entries.items()}


def _checked_boxes(boxes: Any, path: str) -> np.ndarray:
    try:
        array = np.array(boxes, np.float32) if boxes != [] else np.zeros((0, 4), np.float32)
    except (TypeError, ValueError):
        array = np.zeros(0, np.float32)
    if array.ndim != 2 or array.shape[1] != 4 or not np.isfinite(array).all():
        raise ConfigError(f'boxes "{path}": expected a list of boxes [x1, y1, x2, y2], got {str(boxes)[:80]}.')
    if (array[:, :2] >= array[:, 2:]).any():
        raise ConfigError(f'boxes "{path}": a box must have x1 < x2 and y1 < y2, got {str(boxes)[:80]}.')
    return array
