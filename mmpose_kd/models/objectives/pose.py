"""The teacher's final pose, for a head that refines a pose in steps."""
from typing import Any, Union

import torch
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.labels import keypoint_weights
from mmpose_kd.models.losses.expectation import POSE_TEMPERATURE, pose_in_pixels
from mmpose_kd.models.losses.reduction import check_temperature
from mmpose_kd.models.outputs import is_simdr, last_heatmaps
from mmpose_kd.models.taps import Record

from .base import Objective


@MODELS.register_module()
class PoseObjective(Objective):
    """Draw every step of a refined pose to the teacher's final pose.

    Stage 2 of the coarse-to-fine distillation (Ji et al., arXiv 2508.11212), in which the steps of
    :class:`IGPGCNHead <mmpose_kd.models.heads.IGPGCNHead>` are `supervised progressively by the teacher's final output
    pose`. The loss is not public; ours is that of OPEC-Net, see :class:`ProgressivePoseLoss
    <mmpose_kd.models.losses.ProgressivePoseLoss>`, on the joints that are labelled.

    The teacher may have heatmaps or SimDR logits, whatever the student has in stage 1, and an input of another size;
    its pose is brought to the student's pixels.

    Args:
        loss (dict): How the poses are compared. Default: ``dict(type='ProgressivePoseLoss')``.
        temperature (float): Temperature of the softmax over the teacher's cells or bins, whose expectation is its pose.
            Default: 0.05. RTMPose's logits are multiplied by ten before it, as by the loss that they are trained for.
        weight (float | dict): Factor of the loss, or a schedule. Default: 1.
        teacher (str): Which teacher. Default: 'teacher'.

    Raises:
        ConfigError: The loss cannot be built, or the temperature is not positive; at the first step, the student's head
            does not refine a pose, or the teacher's output is no pose.

    Example:
        >>> model = dict(
        ...     type='MultiKDDistiller',
        ...     frozen=['backbone', 'head.base'],
        ...     objectives=dict(loss_pose=dict(type='PoseObjective', weight=1.0)))
    """

    def __init__(self,
                 loss: dict = dict(type='ProgressivePoseLoss'),
                 temperature: float = POSE_TEMPERATURE,
                 weight: Union[float, dict] = 1.0,
                 teacher: str = 'teacher'):
        super().__init__(weight, teacher)
        self.loss = build(MODELS, loss, 'loss')
        self.temperature = check_temperature(temperature)

    def forward(self, student: Record, teacher: Record, data_samples: list) -> Tensor:
        """The loss of the batch, a scalar; see :meth:`Objective.forward`."""
        poses = student.outputs
        if not isinstance(poses, (list, tuple)) or not all(x.dim() == 3 and x.shape[-1] == 2 for x in poses):
            raise ConfigError("the student's head does not return a list of poses (N, K, 2), as IGPGCNHead does, so "
                              'there is no refined pose to compare. Compare heatmaps or SimDR logits with '
                              'OutputObjective.')
        outputs = _places(teacher.outputs, poses[0].shape[1])
        width, height = (int(pixels) for pixels in data_samples[0].metainfo['input_size'])
        if teacher.cells is None:
            target = pose_in_pixels(outputs, (width, height), self.temperature)
        else:
            resize = teacher.cells.resize
            target = pose_in_pixels(outputs, resize.teacher, self.temperature / teacher.cells.beta, teacher.cells.udp)
            target = torch.stack([resize.to_student(target[..., axis], axis) for axis in (0, 1)], dim=-1)
        return self.loss(poses[1:], target, keypoint_weights(data_samples, target.device), (width, height))


def _places(outputs: Any, joints: int) -> Any:
    """Of a teacher's outputs those that say where a joint is."""
    outputs = outputs if is_simdr(outputs) else last_heatmaps(outputs)
    if outputs is None:
        raise ConfigError("the teacher's head returns neither heatmaps nor SimDR logits alone, whose pose could be "
                          'compared: use a teacher with such a head.')
    combined = isinstance(outputs, Tensor) and outputs.shape[1] == 3 * joints  # UDPHeatmap's: a place and two offsets
    return outputs[:, ::3] if combined else outputs
