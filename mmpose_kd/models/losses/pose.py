"""The loss of a pose that is refined in steps."""
from typing import Optional, Sequence, Tuple

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, is_factor
from mmpose_kd.models.constants import constant

from .reduction import at_least_float32, check_same_shape, weighted_mean


def progressive_pose_l1(poses: Sequence[Tensor], target: Tensor, weights: Optional[Tensor], input_size: Tuple[int, int],
                        step_weights: Sequence[float]) -> Tensor:
    r"""Absolute difference of each step's pose from one target.

    .. math:: \frac{1}{NK} \sum_{n,k} w_{nk} \sum_t \lambda_t \cdot
        \frac{1}{2} \sum_{a \in \{x, y\}} \frac{2}{L_a} |p_{tnka} - y_{nka}|

    with L the input's width and height: the coordinates are those from -1 to 1 across the input. OPEC-Net (Qiu et al.,
    ECCV 2020) has the L1 difference of such coordinates on the visible joints, and :math:`\lambda` 0.3, 0.5 and 1. It
    adds the initial pose's with 1, which here comes from a frozen head or from one with a loss of its own.

    Args:
        poses (Sequence[Tensor]): Each step's coordinates in input pixels, (N, K, 2).
        target (Tensor): The pose that all steps should give, (N, K, 2); it gets no gradient.
        weights (Tensor, optional): Weight of each joint, (N, K); 0 where it is not visible. None: 1.
        input_size (tuple[int, int]): Width and height of the input in pixels.
        step_weights (Sequence[float]): Factor :math:`\lambda_t` of each step.

    Returns:
        Tensor: The loss, a scalar, at least float32.

    Raises:
        ConfigError: Shapes do not fit, or there is another number of steps.

    Example:
        >>> import torch
        >>> start, end = torch.tensor([[[0., 0.]]]), torch.tensor([[[16., 0.]]])
        >>> progressive_pose_l1([start, end], end, None, (64, 64), (0.5, 1.))  # 0.5 * (2 * 16 / 64) / 2
        tensor(0.1250)
    """
    if len(poses) != len(step_weights):
        raise ConfigError(f'the pose is refined in {len(poses)} steps, but step_weights has {len(step_weights)} '
                          'entries: give one for each step.')
    size = constant(input_size, target, torch.float32)
    for pose in poses:
        check_same_shape(pose, target, 'poses')
    target = at_least_float32(target.detach())
    if weights is not None and weights.shape == target.shape[:2]:  # where there is no label there may be NaN
        target = target.masked_fill((weights == 0).unsqueeze(-1), 0)
    total = target.new_zeros(())
    for pose, factor in zip(poses, step_weights):
        difference = (at_least_float32(pose) - target).abs() * 2 / size
        total = total + factor * difference.mean(-1)
    return weighted_mean(total, weights)


@MODELS.register_module()
class ProgressivePoseLoss(nn.Module):
    """Loss of a progressively refined pose, :func:`progressive_pose_l1`.

    Args:
        step_weights (Sequence[float]): Factor of each step. Default: (0.3, 0.5, 1.0), those of OPEC-Net.

    Raises:
        ConfigError: A factor is negative, or all are 0.

    Example:
        >>> loss = MODELS.build(dict(type='ProgressivePoseLoss', step_weights=(0.3, 0.5, 1.0)))
        >>> loss([torch.rand(2, 17, 2)] * 3, torch.rand(2, 17, 2), torch.ones(2, 17), (192, 256)).shape
        torch.Size([])
    """

    def __init__(self, step_weights: Sequence[float] = (0.3, 0.5, 1.0)):
        super().__init__()
        if not all(map(is_factor, step_weights)) or not any(step_weights):
            raise ConfigError(f'step_weights={step_weights!r} given, expected numbers of at least 0 and one above 0.')
        self.step_weights = tuple(step_weights)

    def forward(self, poses: Sequence[Tensor], target: Tensor, weights: Optional[Tensor],
                input_size: Tuple[int, int]) -> Tensor:
        """Compare the steps' poses with one target; see :func:`progressive_pose_l1`."""
        return progressive_pose_l1(poses, target, weights, input_size, self.step_weights)
