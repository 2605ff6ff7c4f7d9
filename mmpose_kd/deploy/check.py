"""Whether what is exported computes what was trained, on real images."""
import copy
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmpose.evaluation.functional import keypoint_pck_accuracy
from mmpose.models.pose_estimators import TopdownPoseEstimator

from mmpose_kd.models.outputs import num_keypoints, pose_head
from mmpose_kd.progress import track

LEAST_SCORE = 0.01  # of the largest
PCK_THRESHOLD = 0.2  # of the longer side of the person's box


class Prediction(NamedTuple):
    """Keypoints (N, K, 2) in input pixels and scores (N, K)."""
    keypoints: np.ndarray
    scores: np.ndarray


class Difference(NamedTuple):
    """Of keypoints in input pixels, and of scores as a share of the largest."""
    keypoints: float
    scores: float


@torch.no_grad()
def preprocessed(model: TopdownPoseEstimator, samples: Sequence[dict]) -> torch.Tensor:
    """The images (N, 3, H, W) that the backbone sees."""
    return model.data_preprocessor(pseudo_collate(copy.deepcopy(list(samples))), False)['inputs']


@torch.no_grad()
def predict(model: TopdownPoseEstimator, images: torch.Tensor, name: str = 'PyTorch') -> Prediction:
    """What a model predicts for preprocessed images, without the flip test.

    Args:
        model (TopdownPoseEstimator): The model.
        images (Tensor): Images (N, 3, H, W).
        name (str): What the model is called while it runs. Default: 'PyTorch'.

    Returns:
        Prediction: Keypoints and scores.
    """
    found: List[Any] = []
    for image in track(images.unbind(), name):
        result = model.head.predict(model.extract_feat(image[None]), [], test_cfg=dict(flip_test=False))
        found += result[0] if isinstance(result, tuple) else result
    return _chosen(model, found)


@torch.no_grad()
def decode_raw(model: TopdownPoseEstimator, outputs: Dict[str, np.ndarray]) -> Prediction:
    """Raw outputs of an ONNX graph, decoded as the head decodes its own."""
    tensors = [torch.from_numpy(output) for output in outputs.values()]
    return _chosen(model, model.head.decode(tuple(tensors) if len(tensors) > 1 else tensors[0]))


def joined(parts: Sequence[Prediction]) -> Prediction:
    """Predictions of several batches as one."""
    return Prediction(*(np.concatenate(values) for values in zip(*parts)))


def difference(one: Prediction, other: Prediction) -> Difference:
    """How far two predictions are from each other.

    Args:
        one (Prediction): A prediction.
        other (Prediction): Another one, of the same images.

    Returns:
        Difference: Largest difference of a keypoint in input pixels, among the joints whose score is at least a
        hundredth of the largest, since where nothing is seen the place means nothing; and largest difference of all
        scores, as a share of the largest.
    """
    scale = max(float(np.abs(other.scores).max()), 1e-6)
    moved = np.abs(one.keypoints - other.keypoints).max(-1)[other.scores >= LEAST_SCORE * scale]
    return Difference(float(moved.max(initial=0)), float(np.abs(one.scores - other.scores).max()) / scale)


def pck(prediction: Prediction, samples: Sequence[dict],
        model: Optional[TopdownPoseEstimator] = None) -> Optional[float]:
    """PCK at 0.2 of the box's longer side, on the labels of the samples, as MMPose's ``PCKAccuracy`` has it.

    Args:
        prediction (Prediction): What was predicted for the samples.
        samples (Sequence[dict]): Samples with labels.
        model (TopdownPoseEstimator, optional): What predicted it, if it may have chosen some of the joints.

    Returns:
        float: For each joint the share of its labels that were found, and of these the mean; None where there are no
        labels.
    """
    places, labels, visible, sizes = [], [], [], []
    for keypoints, sample in zip(prediction.keypoints, samples):
        meta, truth = sample['data_samples'].metainfo, sample['data_samples'].gt_instances
        if 'keypoints' not in truth:
            return None
        seen = np.asarray(truth.keypoints_visible)
        seen = (seen[..., 0] if seen.ndim == 3 else seen)[0]
        label = np.asarray(truth.keypoints)[0, :, :2]
        if model is not None:
            joints = chosen_joints(model, len(label))
            label, seen = label[joints], seen[joints]
        if label.shape != keypoints.shape:
            return None
        scale, centre = np.asarray(meta['input_scale']), np.asarray(meta['input_center'])
        places.append(keypoints / meta['input_size'] * scale + centre - scale / 2)
        labels.append(label)
        visible.append(seen > 0)
        box = np.asarray(truth.bboxes)[0]
        sizes.append([max(box[2:] - box[:2])] * 2)
    arrays = (np.array(value) for value in (places, labels, visible))
    return float(keypoint_pck_accuracy(*arrays, PCK_THRESHOLD, np.array(sizes))[1])


def chosen_joints(model: TopdownPoseEstimator, count: int) -> List[int]:
    """Which of a dataset's joints a model returns.

    Args:
        model (TopdownPoseEstimator): The model, whose ``test_cfg.output_keypoint_indices`` may choose some of its
            head's.
        count (int): Number of the dataset's joints: those of the head, or already the chosen ones.

    Returns:
        list[int]: Places of the returned joints among the dataset's.
    """
    indices = (model.test_cfg or {}).get('output_keypoint_indices')
    if indices is None or count == len(indices) or count != num_keypoints(pose_head(model.head)):
        return list(range(count))
    return [range(count)[i] for i in indices]


def _chosen(model: TopdownPoseEstimator, instances: Sequence[Any]) -> Prediction:
    """Keypoints and scores of instances, of the joints that the model's test_cfg chooses."""
    indices = (model.test_cfg or {}).get('output_keypoint_indices')
    chosen = slice(None) if indices is None else list(indices)
    return Prediction(np.stack([found.keypoints[0][chosen] for found in instances]),
                      np.stack([np.asarray(found.keypoint_scores)[0][chosen] for found in instances]))
