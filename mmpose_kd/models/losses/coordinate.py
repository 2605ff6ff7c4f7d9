"""Losses on coordinates as classification: the SimDR logits of the x and the y axis."""
from typing import Any, Optional, Tuple

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, check_factor

from .reduction import at_least_float32, check_same_shape, check_temperature, softmax_kl, weighted_mean

Axes = Tuple[Tensor, Tensor]


def gaussian_labels(bins: Tensor, sigma: float, num_bins: int) -> Tensor:
    r"""Draw the 1-D Gaussian label of every joint on one axis.

    The labels :math:`V` of Eq. 6 in `Lightweight Human Pose Estimation with Enhanced Knowledge Review` (Xu et al.,
    BMVC 2024), made on the device of ``bins``:

    .. math:: V_i = \frac{\exp(-(i - \mu)^2 / 2\sigma^2)}{\sum_j \exp(-(j - \mu)^2 / 2\sigma^2)}

    The paper does not say how :math:`V` is normalised. Here every row sums to 1, so that it is a distribution, each
    joint weighs the same and the cross-entropy exceeds the KL divergence by a constant. ``SimCCLabel`` divides by
    :math:`\sigma\sqrt{2\pi}` instead: the same numbers well inside the input, but rows that lose mass, hence weight,
    where a joint lies near the border.

    Args:
        bins (Tensor): Position of each joint in bins, (N, K); may lie outside of the axis.
        sigma (float): Standard deviation in bins.
        num_bins (int): Number of bins on the axis, L.

    Returns:
        Tensor: Labels (N, K, L), at least float32.

    Example:
        >>> import torch
        >>> gaussian_labels(torch.tensor([[1.]]), sigma=0.5, num_bins=3)
        tensor([[[0.1065, 0.7870, 0.1065]]])
    """
    bins = at_least_float32(bins)
    distance = torch.arange(num_bins, device=bins.device) - bins.unsqueeze(-1)
    return torch.softmax(-0.5 * (distance / sigma)**2, dim=-1)


def simdr_cross_entropy(logits: Axes, labels: Axes, weights: Optional[Tensor] = None) -> Tensor:
    r"""Cross-entropy of the SimDR logits of both axes with their labels.

    Eq. 6 in `Lightweight Human Pose Estimation with Enhanced Knowledge Review` (Xu et al., BMVC 2024), with other
    factors in front:

    .. math:: \frac{1}{NK} \sum_{n,k} w_{nk} \cdot
        \frac{1}{2} \sum_{a \in \{x,y\}} \Big( -\sum_{i=1}^{L_a} V^a_{nki} \log S^a_{nki} \Big)

    with :math:`S` the softmax of the logits. The unit is nats per joint and axis. The paper sums over persons and
    joints and divides by the number of bins, which ties the loss to batch size and resolution;
    ``docs/equations_multi_kd.md`` works out what this means for its weights alpha and beta.

    Args:
        logits (tuple[Tensor, Tensor]): Student's logits, (N, K, Wx) and (N, K, Wy).
        labels (tuple[Tensor, Tensor]): Labels V of the same shapes, from :func:`gaussian_labels`.
        weights (Tensor, optional): Weight of each joint, the paper's mask M, (N, K). Default: 1.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: Shapes of logits, labels or weights do not fit.
    """
    losses = []
    for logit, label in zip(logits, labels):
        check_same_shape(logit, label, 'SimDR logits and labels')
        losses.append(-(at_least_float32(label) * F.log_softmax(at_least_float32(logit), dim=-1)).sum(-1))
    return weighted_mean((losses[0] + losses[1]) / 2, weights)


def simdr_kl(student: Axes, teacher: Axes, weights: Optional[Tensor] = None, temperature: float = 1.0) -> Tensor:
    r"""KL divergence from the teacher's SimDR distributions to the student's.

    Eq. 7 in `Lightweight Human Pose Estimation with Enhanced Knowledge Review` (Xu et al., BMVC 2024), with joint
    weights and a temperature:

    .. math:: \frac{1}{NK} \sum_{n,k} w_{nk} \cdot \frac{1}{2} \sum_{a \in \{x,y\}}
        \tau^2 \sum_{i=1}^{L_a} T^a_{nki} \log \frac{T^a_{nki}}{S^a_{nki}}

    with :math:`T` and :math:`S` the softmax of the logits divided by :math:`\tau`. The unit is nats per joint and
    axis, as in :func:`simdr_cross_entropy`. The minus sign printed before the divergence would drive the student away
    from the teacher and is taken for a misprint. The paper sums over joints, which is K times this, names no
    temperature, which is :math:`\tau = 1`, and no mask, which is ``weights=None``. The factor :math:`\tau^2` keeps the
    size of the gradient when the temperature changes.

    Args:
        student (tuple[Tensor, Tensor]): Student's logits, (N, K, Wx) and (N, K, Wy).
        teacher (tuple[Tensor, Tensor]): Teacher's logits of the same shapes; they get no gradient.
        weights (Tensor, optional): Weight of each joint, (N, K). Default: 1.
        temperature (float): Temperature :math:`\tau`. Default: 1.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: A side is not a pair of logits, or shapes do not fit.
    """
    losses = []
    for student_logit, teacher_logit in zip(_axes(student, 'student'), _axes(teacher, 'teacher')):
        check_same_shape(student_logit, teacher_logit, 'SimDR logits')
        losses.append(softmax_kl(student_logit, teacher_logit, temperature))
    return weighted_mean((losses[0] + losses[1]) / 2, weights)


@MODELS.register_module()
class SimDRLoss(nn.Module):
    """Cross-entropy between SimDR logits and Gaussian labels, :func:`simdr_cross_entropy`.

    Eq. 6 of Multi-KD (Xu et al., BMVC 2024). It takes what MMPose's SimCC losses take, so that
    :class:`SimDRHead <mmpose_kd.models.heads.SimDRHead>` can be given either.

    Args:
        loss_weight (float): Factor of the loss. Default: 1.

    Raises:
        ConfigError: The factor is negative or no number.

    Example:
        >>> import torch
        >>> loss = MODELS.build(dict(type='SimDRLoss'))
        >>> logits = (torch.zeros(1, 1, 4), torch.zeros(1, 1, 4))
        >>> labels = (torch.tensor([[[0., 1., 0., 0.]]]), torch.tensor([[[0., 0., .5, .5]]]))
        >>> loss(logits, labels)  # the logarithm of 4
        tensor(1.3863)
    """

    def __init__(self, loss_weight: float = 1.0):
        super().__init__()
        self.loss_weight = check_factor('loss_weight', loss_weight)

    def forward(self, pred_simcc: Axes, gt_simcc: Axes, keypoint_weights: Optional[Tensor] = None) -> Tensor:
        """Compare logits with labels.

        Args:
            pred_simcc (tuple[Tensor, Tensor]): Logits, (N, K, Wx) and (N, K, Wy).
            gt_simcc (tuple[Tensor, Tensor]): Labels of the same shapes.
            keypoint_weights (Tensor, optional): Weight of each joint, (N, K). Default: 1.

        Returns:
            Tensor: The loss, a scalar, at least float32.
        """
        return self.loss_weight * simdr_cross_entropy(pred_simcc, gt_simcc, keypoint_weights)


@MODELS.register_module()
class SimDRKLLoss(nn.Module):
    """KL divergence between the teacher's and the student's SimDR distributions, :func:`simdr_kl`.

    Eq. 7 of Multi-KD (Xu et al., BMVC 2024).

    Args:
        temperature (float): Temperature of both softmaxes. Default: 1.

    Raises:
        ConfigError: The temperature is not positive.

    Example:
        >>> import torch
        >>> loss = MODELS.build(dict(type='SimDRKLLoss', temperature=2.))
        >>> student, teacher = torch.zeros(1, 1, 2), torch.tensor([[[2., 0.]]])
        >>> loss((student, student), (teacher, student))
        tensor(0.2219)
    """

    one_temperature = True

    def __init__(self, temperature: float = 1.0):
        super().__init__()
        self.temperature = check_temperature(temperature)

    def forward(self, student: Axes, teacher: Axes, weights: Optional[Tensor] = None) -> Tensor:
        """Compare the logits of two heads.

        Args:
            student (tuple[Tensor, Tensor]): Student's logits, (N, K, Wx) and (N, K, Wy).
            teacher (tuple[Tensor, Tensor]): Teacher's logits of the same shapes.
            weights (Tensor, optional): Weight of each joint, (N, K). Default: 1.

        Returns:
            Tensor: The loss, a scalar, at least float32.
        """
        return simdr_kl(student, teacher, weights, self.temperature)


def _axes(outputs: Any, whose: str) -> Axes:
    if isinstance(outputs, Tensor) or len(outputs) != 2:
        given = f'shape {tuple(outputs.shape)}' if isinstance(outputs, Tensor) else f'{len(outputs)} tensors'
        raise ConfigError(f'SimDRKLLoss: the {whose}\'s head returned {given}, expected the logits of the x and the y '
                          'axis, (N, K, Wx) and (N, K, Wy). Use a SimDRHead, or HeatmapKDLoss on heatmaps.')
    return outputs
