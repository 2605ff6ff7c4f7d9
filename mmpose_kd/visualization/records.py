"""What is drawn of the records, heads and annotations of a training step."""
from functools import partial
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np
import torch
from mmpose.models.heads import BaseHead
from torch import Tensor

from mmpose_kd.models.outputs import decoded_scale, is_simdr, is_udp, pose_head

Pair = Tuple[Tensor, Tensor]


def distributions(outputs: Any, num_joints: int, title: str, beta: float = 1.0) -> Dict[str, Pair]:
    """SimDR probabilities in what a head returned; of several stages or branches, each by its index.

    Args:
        outputs (Any): What the head returned: nested lists or tuples of tensors.
        num_joints (int): Number of joints, K.
        title (str): Name of the model.
        beta (float): What its logits are multiplied by in the softmax that it is trained for, as RTMPose's by 10.
            Default: 1.

    Returns:
        dict[str, tuple[Tensor]]: Probabilities (N, K, Wx) and (N, K, Wy) by title; empty where there are none.
    """
    if is_simdr(outputs) and all(x.shape[1] == num_joints and x.shape[2] > 2 for x in outputs):
        return {title: tuple((beta * logits.float()).softmax(-1) for logits in outputs)}
    return _nested(partial(distributions, beta=beta), outputs, num_joints, title)


def heatmaps(outputs: Any, num_joints: int, title: str) -> Dict[str, Tensor]:
    """Heatmaps (N, K, H, W) in what a head returned, by title; see :func:`distributions`."""
    if isinstance(outputs, Tensor) and outputs.dim() == 4 and outputs.shape[1] == num_joints:
        return {title: outputs.float()}
    return _nested(heatmaps, outputs, num_joints, title)


def label_pose(head: BaseHead, samples: Sequence) -> Optional[np.ndarray]:
    """Labelled keypoints in pixels of the input, after augmentation.

    MMPose keeps them in the annotations by ``PackPoseInputs(pack_transformed=True)`` alone, so without that they are
    decoded from the targets.

    Args:
        head (BaseHead): The head, with its decoder.
        samples (Sequence[PoseDataSample]): Annotations with the codec's targets.

    Returns:
        np.ndarray | None: Keypoints (N, K, 2); None where the targets are neither bins, SimCC rows nor heatmaps.
    """
    head, labels = pose_head(head), [sample.gt_instance_labels for sample in samples]
    if 'transformed_keypoints' in samples[0].gt_instances:
        return np.concatenate([np.asarray(sample.gt_instances.transformed_keypoints) for sample in samples])[..., :2]
    if 'keypoint_bins' in labels[0]:
        return torch.cat([label.keypoint_bins for label in labels]).cpu().numpy() / head.decoder.simcc_split_ratio
    if 'keypoint_x_labels' in labels[0]:
        targets: Any = tuple(torch.cat([label[f'keypoint_{axis}_labels'] for label in labels]) for axis in 'xy')
    elif isinstance(getattr(getattr(samples[0], 'gt_fields', None), 'heatmaps', None), Tensor):
        targets = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    else:
        return None
    return in_pixels(head, np.concatenate([pose.keypoints for pose in head.decode(targets)])[..., :2])


def in_pixels(head: BaseHead, keypoints: np.ndarray) -> np.ndarray:
    """What a head decoded (..., 2), in pixels of the input; see :func:`decoded_scale`."""
    codec: Any = getattr(pose_head(head), 'decoder', None)
    return keypoints / decoded_scale(codec.input_size, True) if is_udp(codec) else keypoints


def feature_taps(record: Any, paths: Sequence[str]) -> Dict[str, Tensor]:
    """The tensors at a record's paths; what else is there, such as a pair of SimDR logits, is left out."""
    return {path: record[path] for path in paths if isinstance(record[path], Tensor) and record[path].dim() > 1}


def _nested(find: Any, outputs: Any, num_joints: int, title: str) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    if isinstance(outputs, (list, tuple)):
        for i, entry in enumerate(outputs):
            found.update(find(entry, num_joints, f'{title} [{i}]'))
    return found
