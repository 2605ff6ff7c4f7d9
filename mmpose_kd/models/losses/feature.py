"""Losses between feature maps of the same shape."""
import math

import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError

from .reduction import at_least_float32, check_same_shape

CONNECT = 'Add a connector that brings the student\'s to the teacher\'s.'
_NORMALIZE = ('none', 'layer', 'channel')


def feature_mse(student: Tensor, teacher: Tensor, normalize: str = 'none') -> Tensor:
    """Mean squared error of every person's feature map: D in Eq. 1 of Multi-KD (Xu et al., BMVC 2024).

    ``D_n = 1 / (C H W) * sum_chw (student - teacher)^2``, in float32 or better. With ``normalize='none'`` its scale is
    the square of the features'.

    Args:
        student (Tensor): Feature (N, C, H, W), or (N, ...) of any rank.
        teacher (Tensor): Feature of the same shape; it gets no gradient.
        normalize (str): What is done to both maps before: ``'none'``, as in the paper; ``'layer'``, mean 0 and variance
            1 over all entries of a person; ``'channel'``, the same over the positions of each channel. The last two
            are our addition: they make the loss independent of how large a teacher's features are. As in layer
            normalisation the divisor is sqrt(variance + 1e-5): a map whose standard deviation is below 0.01 comes out
            smaller. Default: 'none'.

    Returns:
        Tensor: Loss of each person (N, ).

    Raises:
        ConfigError: The shapes differ, or there is only one entry to normalise over, which would always give 0.

    Example:
        >>> import torch
        >>> feature_mse(torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 2.))
        tensor([4., 4.])
    """
    check_same_shape(student, teacher, 'features', CONNECT)
    student, teacher = at_least_float32(student), at_least_float32(teacher.detach())
    if normalize != 'none':
        dims = student.shape[1:] if normalize == 'layer' else student.shape[2:]
        if math.prod(dims) < 2:
            raise ConfigError(f'normalize={normalize!r} given for features of shape {tuple(student.shape)}, which have '
                              'one entry to normalise over, so that all are 0. Tap a larger map, or set '
                              'normalize="none".')
        student, teacher = F.layer_norm(student, dims), F.layer_norm(teacher, dims)
    return (student - teacher).square().flatten(1).mean(1)


@MODELS.register_module()
class FeatureMSELoss(nn.Module):
    """Mean squared error between feature maps, averaged over the batch; see :func:`feature_mse`.

    Args:
        normalize (str): ``'none'``, ``'layer'`` or ``'channel'``. Default: 'none'.

    Raises:
        ConfigError: ``normalize`` has no such value; at the first step, features of different shapes, or with one entry
            to normalise over.

    Example:
        >>> import torch
        >>> from mmpose.registry import MODELS
        >>> loss = MODELS.build(dict(type='FeatureMSELoss', normalize='none'))
        >>> loss(torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4))
        tensor(1.)
    """

    def __init__(self, normalize: str = 'none'):
        super().__init__()
        if normalize not in _NORMALIZE:
            raise ConfigError(f'normalize must be one of {_NORMALIZE}, got {normalize!r}.')
        self.normalize = normalize

    def per_sample(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Loss of each person (N, ); see :func:`feature_mse`."""
        return feature_mse(student, teacher, self.normalize)

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Mean loss of the batch, a scalar."""
        return self.per_sample(student, teacher).mean()
