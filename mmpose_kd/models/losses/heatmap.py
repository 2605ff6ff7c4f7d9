"""Losses on heatmaps."""
from typing import Optional

from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, did_you_mean

from .reduction import at_least_float32, check_same_shape, check_temperature, softmax_kl, weighted_mean


def heatmap_mse(student: Tensor, teacher: Tensor, weights: Optional[Tensor] = None) -> Tensor:
    r"""Mean squared difference of heatmaps.

    The distillation term of `Fast Human Pose Estimation` (Zhang et al., CVPR 2019), without the factor 1/2 of its
    code:

    .. math:: \frac{1}{NK} \sum_{n,k} w_{nk} \cdot \frac{1}{HW} \sum_p (S_{nkp} - T_{nkp})^2

    Args:
        student (Tensor): Student's heatmaps, (N, K, H, W).
        teacher (Tensor): Teacher's heatmaps of the same shape; they get no gradient.
        weights (Tensor, optional): Weight of each joint, (N, K). Default: 1.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: Shapes do not fit.
    """
    check_same_shape(student, teacher, 'heatmaps')
    difference = at_least_float32(student) - at_least_float32(teacher.detach())
    return weighted_mean(difference.square().flatten(2).mean(-1), weights)


def heatmap_kl(student: Tensor, teacher: Tensor, weights: Optional[Tensor] = None, temperature: float = 1.0) -> Tensor:
    r"""KL divergence from the teacher's to the student's spatial distributions.

    The distillation term of `Online Knowledge Distillation for Efficient Pose Estimation` (Li et al., ICCV 2021),
    summed over pixels and not averaged, with joint weights and a temperature:

    .. math:: \frac{1}{NK} \sum_{n,k} w_{nk} \cdot \tau^2 \sum_p T_{nkp} \log \frac{T_{nkp}}{S_{nkp}}

    with :math:`T` and :math:`S` the softmax over the pixels p of each joint's heatmap divided by :math:`\tau`. The
    unit is nats per joint. Heatmaps trained to values in [0, 1] give nearly flat distributions at :math:`\tau = 1`; a
    temperature of about 0.1 sharpens them.

    Args:
        student (Tensor): Student's heatmaps, (N, K, H, W).
        teacher (Tensor): Teacher's heatmaps of the same shape; they get no gradient.
        weights (Tensor, optional): Weight of each joint, (N, K). Default: 1.
        temperature (float): Temperature :math:`\tau`. Default: 1.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: Shapes do not fit.
    """
    check_same_shape(student, teacher, 'heatmaps')
    return weighted_mean(softmax_kl(student.flatten(2), teacher.flatten(2), temperature), weights)


@MODELS.register_module()
class HeatmapKDLoss(nn.Module):
    """Difference of the teacher's and the student's heatmaps, :func:`heatmap_mse` or :func:`heatmap_kl`.

    Args:
        mode (str): ``'mse'`` compares values, as FPD does; ``'kl'`` compares spatial distributions, as OKDHP does.
            Default: 'mse'.
        temperature (float): Temperature of both softmaxes, for ``'kl'`` alone. Default: 1.

    Raises:
        ConfigError: The mode is unknown, or the temperature is not positive or has no effect.

    Example:
        >>> import torch
        >>> loss = MODELS.build(dict(type='HeatmapKDLoss', mode='mse'))
        >>> loss(torch.zeros(1, 17, 64, 48), torch.full((1, 17, 64, 48), 2.))
        tensor(4.)
    """

    modes = ('mse', 'kl')

    def __init__(self, mode: str = 'mse', temperature: float = 1.0):
        super().__init__()
        if mode not in self.modes:
            raise ConfigError(f'HeatmapKDLoss: mode={mode!r} given, expected one of {self.modes}.'
                              f'{did_you_mean(mode, self.modes)}')
        if mode == 'mse' and temperature != 1:
            raise ConfigError(f'HeatmapKDLoss: temperature={temperature!r} has no effect with mode="mse"; '
                              'drop it or set mode="kl".')
        self.mode = mode
        self.compares_values = mode == 'mse'  # also those of UDP's offsets, which are no distributions
        self.takes_softmax = mode == 'kl'
        self.temperature = check_temperature(temperature)

    def forward(self, student: Tensor, teacher: Tensor, weights: Optional[Tensor] = None) -> Tensor:
        """Compare heatmaps.

        Args:
            student (Tensor): Student's heatmaps, (N, K, H, W).
            teacher (Tensor): Teacher's heatmaps of the same shape.
            weights (Tensor, optional): Weight of each joint, (N, K). Default: 1.

        Returns:
            Tensor: The loss, a scalar, at least float32.
        """
        if self.mode == 'mse':
            return heatmap_mse(student, teacher, weights)
        return heatmap_kl(student, teacher, weights, self.temperature)
