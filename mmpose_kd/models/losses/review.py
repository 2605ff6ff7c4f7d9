"""Hierarchical context loss between feature maps of the same shape."""
from typing import Sequence

import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, is_count

from .feature import feature_mse
from .reduction import at_least_float32

LEVELS = (4, 2, 1)


def hierarchical_context_loss(student: Tensor, teacher: Tensor, levels: Sequence[int] = LEVELS) -> Tensor:
    r"""Hierarchical context loss of every person: HCL of ReviewKD (Chen et al., CVPR 2021), Sec. 3.

    .. math:: \frac{D(s, t) + \sum_i 2^{-i} D(P_{l_i}(s), P_{l_i}(t))}{1 + \sum_i 2^{-i}}

    with D the mean squared error :func:`feature_mse <mmpose_kd.models.losses.feature_mse>` of a person and
    :math:`P_l` average pooling to l x l. The paper gives neither sizes nor weights of the levels; 4, 2, 1 and the
    halving weights are its authors' code. There a level is left out where the map's height is not above it. Here that
    holds for height and width, since pooling a side to more than its length repeats its values; i counts the others.

    Args:
        student (Tensor): Feature map (N, C, H, W).
        teacher (Tensor): Feature map of the same shape; it gets no gradient.
        levels (Sequence[int]): Sizes of the pooled maps, in the order of their falling weights. Default: (4, 2, 1).

    Returns:
        Tensor: Loss of each person (N, ), in float32 or better.

    Raises:
        ConfigError: The two are no maps, or not of the same shape.

    Example:
        >>> import torch
        >>> student = torch.zeros(1, 1, 2, 2)
        >>> teacher = torch.tensor([[[[3., 1.], [1., 1.]]]])
        >>> hierarchical_context_loss(student, teacher)  # (3 + 1.5^2 / 2) / 1.5: of the levels only 1 is below 2
        tensor([2.7500])
    """
    if student.dim() != 4:
        raise ConfigError(f'hierarchical context loss: features of shape {tuple(student.shape)} given, expected maps '
                          '(N, C, H, W). Tap a module that returns one.')
    loss, weight, total = feature_mse(student, teacher), 1.0, 1.0
    for level in levels:
        if level >= min(student.shape[2:]):
            continue
        weight /= 2
        total += weight
        loss = loss + weight * feature_mse(_pool(student, level), _pool(teacher, level))
    return loss / total


@MODELS.register_module()
class HCLLoss(nn.Module):
    """Hierarchical context loss, averaged over the batch: :func:`hierarchical_context_loss`.

    ReviewKD (Chen et al., CVPR 2021), Sec. 3. Its weight there is 0.6 to 8 for classification.

    Args:
        levels (Sequence[int]): Sizes of the pooled maps. Default: (4, 2, 1).

    Raises:
        ConfigError: A level is no whole number above 0; at the first step, features of different shapes.

    Example:
        >>> import torch
        >>> from mmpose.registry import MODELS
        >>> loss = MODELS.build(dict(type='HCLLoss', levels=(4, 2, 1)))
        >>> loss(torch.zeros(2, 3, 8, 6), torch.ones(2, 3, 8, 6))
        tensor(1.)
    """

    def __init__(self, levels: Sequence[int] = LEVELS):
        super().__init__()
        if not isinstance(levels, (list, tuple)) or not all(map(is_count, levels)):
            raise ConfigError(f'levels={levels!r}: expected sizes of at least 1, such as (4, 2, 1).')
        self.levels = tuple(levels)

    def per_sample(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Loss of each person (N, ); see :func:`hierarchical_context_loss`."""
        return hierarchical_context_loss(student, teacher, self.levels)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Mean loss of the batch, a scalar."""
        return self.per_sample(student, teacher).mean()


def _pool(feature: Tensor, size: int) -> Tensor:
    return F.adaptive_avg_pool2d(at_least_float32(feature), size)
