"""What the keypoint losses share: one reduction, one precision, one divergence and their checks."""
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from mmpose_kd.errors import ConfigError, is_factor


def weighted_mean(losses: Tensor, weights: Optional[Tensor] = None) -> Tensor:
    r"""Mean over persons and joints of weight times loss.

    .. math:: \frac{1}{NK} \sum_{n,k} w_{nk} \, l_{nk}

    The sum is divided by the number of joints, not by the sum of their weights. So duplicating a batch changes
    nothing, ranks of equal batch size average exactly, a batch without a visible joint gives zero and not NaN, and a
    joint counts the same whatever the other joints of its batch are.

    Args:
        losses (Tensor): One loss per joint, (N, K).
        weights (Tensor, optional): Weight of each joint, (N, K); 0 where the joint is not labelled. Default: 1.

    Returns:
        Tensor: The mean, a scalar.

    Raises:
        ConfigError: The two shapes differ.

    Example:
        >>> import torch
        >>> weighted_mean(torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([[1., 0.], [1., 1.]]))
        tensor(2.)
    """
    return losses.mean() if weights is None else (losses * checked_weights(weights, losses)).mean()


def checked_weights(weights: Tensor, joints: Tensor) -> Tensor:
    """Weights of joints, in the precision of what (N, K) is of these joints; refused where their shape is another."""
    if weights.shape != joints.shape:
        raise ConfigError(f'keypoint weights of shape {tuple(weights.shape)} given for the joints of '
                          f'{tuple(joints.shape)}: expected one weight per person and joint, (N, K). Several encoders '
                          'in one GenerateTarget stack their weights; use one.')
    return weights.to(joints)


def at_least_float32(tensor: Tensor) -> Tensor:
    """Cast half precision up to float32; float32 and float64 stay as they are.

    Losses use it on what they are given. They need no more than this under autocast, which runs no softmax, logarithm
    or elementwise operation in half precision on float32 tensors.

    Args:
        tensor (Tensor): Floating-point values of any shape.

    Returns:
        Tensor: The same values.
    """
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def unit_rows(rows: Tensor) -> Tensor:
    """Vectors along the last dimension, scaled to unit length.

    One of zeros stays as it is and keeps the gradient that arrives: ``F.normalize`` multiplies it by 1e12.

    Args:
        rows (Tensor): Vectors (..., L).

    Returns:
        Tensor: Vectors of length 1 or 0, (..., L).
    """
    length = rows.norm(dim=-1, keepdim=True)
    return rows / torch.where(length > 0, length, torch.ones_like(length))


def softmax_kl(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    r"""KL divergence between the distributions that two sets of logits give over the last dimension.

    :math:`\tau^2 \sum_i T_i \log (T_i / S_i)` with T and S the softmax of the logits divided by :math:`\tau`.

    Args:
        student (Tensor): Student's logits, (..., L).
        teacher (Tensor): Teacher's logits of the same shape; they get no gradient.
        temperature (float): Temperature :math:`\tau`. Default: 1.

    Returns:
        Tensor: The divergence in nats, (...), at least float32.
    """
    log_s = F.log_softmax(at_least_float32(student) / temperature, dim=-1)
    log_t = F.log_softmax(at_least_float32(teacher.detach()) / temperature, dim=-1)
    return temperature**2 * (log_t.exp() * (log_t - log_s)).sum(-1)


_SAME_JOINTS = 'Give both models the same joints and resolution, or let the distiller map them.'


def check_same_shape(student: Tensor, teacher: Tensor, what: str, remedy: str = _SAME_JOINTS) -> None:
    """Refuse tensors that broadcasting would compare silently.

    Args:
        student (Tensor): The student's side.
        teacher (Tensor): The teacher's side.
        what (str): What is compared, such as ``'heatmaps'``.
        remedy (str): What to change. Default: what helps with joints.

    Raises:
        ConfigError: The two shapes differ.
    """
    if student.shape != teacher.shape:
        raise ConfigError(f'{what}: the student\'s shape is {tuple(student.shape)} and the teacher\'s is '
                          f'{tuple(teacher.shape)}; expected the same. {remedy}')


def check_temperature(temperature: float) -> float:
    """Refuse a temperature that no softmax can be divided by.

    Args:
        temperature (float): What the config gives.

    Returns:
        float: The temperature.

    Raises:
        ConfigError: It is not a positive number.
    """
    if not is_factor(temperature) or temperature == 0:
        raise ConfigError(f'temperature={temperature!r} given, expected a number above 0; 1 changes nothing.')
    return temperature
