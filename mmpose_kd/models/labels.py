"""What a batch's annotations hold for a loss, as the student's codec encoded it."""
from typing import Optional, Sequence, Tuple

import torch
from mmpose.structures import PoseDataSample
from torch import Tensor


def keypoint_weights(data_samples: Sequence[PoseDataSample], device: Optional[torch.device] = None) -> Tensor:
    """Weights of the keypoints.

    Args:
        data_samples (Sequence[PoseDataSample]): The batch's annotations, with ``gt_instance_labels.keypoint_weights``.
        device (torch.device, optional): Where the result goes. Default: where they are.

    Returns:
        Tensor: Weights (N, K), 0 where a keypoint is not labelled; of several levels, such as those of ``MSPNHead``,
        the weights of the last, which is the finest.
    """
    weights = [sample.gt_instance_labels.keypoint_weights for sample in data_samples]
    return torch.cat([weight[-1] if weight.dim() == 3 else weight for weight in weights]).to(device)


def heatmap_labels(data_samples: Sequence[PoseDataSample]) -> Tuple[Tensor, Tensor]:
    """Target heatmaps and the weights of their keypoints.

    Args:
        data_samples (Sequence[PoseDataSample]): The batch's annotations, with ``gt_fields.heatmaps``.

    Returns:
        tuple[Tensor, Tensor]: Heatmaps (N, K, H, W) and weights (N, K).
    """
    return torch.stack([sample.gt_fields.heatmaps for sample in data_samples]), keypoint_weights(data_samples)
