"""Losses on what features say about each other: relations between persons, and where a feature map attends.

Student and teacher may have different numbers of channels, and for the relations between persons also different sizes.
RKD and SP compare the persons of one batch with each other: the value depends on who is in the batch, a batch of one
has no relation, and with several processes each compares the persons of its own batch only.
"""
from typing import Tuple

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, is_factor

from .reduction import at_least_float32, unit_rows


def rkd_distance(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Distance-wise loss of Relational Knowledge Distillation (Park et al., CVPR 2019, Eq. 5 to 7).

    .. math:: \frac{1}{N^2} \sum_{i,j} l_\delta(\psi_D(s_i, s_j), \psi_D(t_i, t_j)), \quad
        \psi_D(a, b) = \lVert a - b \rVert_2 / \mu

    with :math:`l_\delta` the Huber loss of threshold 1 and :math:`\mu` the mean distance of the batch. The paper sums
    over pairs; the mean over all :math:`N^2` is its authors' code. There :math:`\mu` is the mean over the distances
    above 0, which makes a batch in which every person is there twice give the same loss. Two persons have one
    distance, which is always 1: the loss needs at least three.

    Args:
        student (Tensor): Student's features, (N, ...).
        teacher (Tensor): Teacher's features, (N, ...), of any size; they get no gradient.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: The features are of other numbers of persons.

    Example:
        >>> import torch
        >>> rkd_distance(torch.tensor([[0.], [1.], [2.]]), torch.tensor([[0.], [5.], [10.]]))
        tensor(0.)
    """
    own, taught = map(_person_distances, _rows(student, teacher))
    return F.smooth_l1_loss(own, taught)


def rkd_angle(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Angle-wise loss of Relational Knowledge Distillation (Park et al., CVPR 2019, Eq. 8 and 9).

    .. math:: \frac{1}{N^3} \sum_{i,j,k} l_\delta(\cos \angle s_i s_j s_k, \cos \angle t_i t_j t_k)

    with the angle at the middle person; where another one is the same point as that person the cosine counts as 0. As
    in :func:`rkd_distance` the mean is its authors' code, duplicating the batch changes nothing, and two give 0.
    Memory: :math:`N^2` times the size of a person's feature.

    Args:
        student (Tensor): Student's features, (N, ...).
        teacher (Tensor): Teacher's features, (N, ...), of any size; they get no gradient.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: The features are of other numbers of persons.

    Example:
        >>> import torch
        >>> loss = rkd_angle(torch.tensor([[0., 0.], [1., 0.], [0., 1.]]), torch.tensor([[2., 2.], [2., 5.], [5., 2.]]))
        >>> round(loss.item(), 6)  # the same triangle, larger and turned
        0.0
    """
    own, taught = map(_cosines, _rows(student, teacher))
    return F.smooth_l1_loss(own, taught)


def similarity_distance(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Similarity-preserving loss (SP; Tung and Mori, ICCV 2019, Eq. 2 to 4).

    .. math:: \frac{1}{N} \lVert \tilde G_s - \tilde G_t \rVert_F^2

    with :math:`\tilde G` the Gram matrix (N, N) of the flattened features, its rows divided by their L2 norm. Eq. 4
    has :math:`1/N^2`. With :math:`1/N` a person's row has a distance of 0 to 4 and the loss is the mean over persons,
    which does not change when the batch is duplicated; the paper's weight :math:`\gamma` becomes :math:`\gamma / N`.

    Args:
        student (Tensor): Student's features, (N, ...).
        teacher (Tensor): Teacher's features, (N, ...), of any size; they get no gradient.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: The features are of other numbers of persons.

    Example:
        >>> import torch
        >>> loss = similarity_distance(torch.eye(2), torch.ones(2, 2))
        >>> round(loss.item(), 4)  # (1 - 1/sqrt(2))^2 + (1/sqrt(2))^2 in each row
        0.5858
    """
    own, taught = map(_person_similarities, _rows(student, teacher))
    return (own - taught).square().sum(1).mean()


def attention_distance(student: Tensor, teacher: Tensor) -> Tensor:
    r"""Attention transfer (AT; Zagoruyko and Komodakis, ICLR 2017, Eq. 2), activation-based.

    .. math:: \frac{1}{N} \sum_n \left\lVert \frac{Q(s_n)}{\lVert Q(s_n) \rVert_2} -
        \frac{Q(t_n)}{\lVert Q(t_n) \rVert_2} \right\rVert_2^2, \quad Q(a) = \sum_c a_c^2

    with Q the attention map over the positions. The print has the norm of the difference; its authors' code squares it
    and divides by the number of positions HW. Here it is squared and not divided, so that it is between 0 and 2 at
    every resolution; the code's weight of 1000 becomes 1000 / HW.

    Args:
        student (Tensor): Student's feature map, (N, C_s, H, W).
        teacher (Tensor): Teacher's feature map, (N, C_t, H, W); it gets no gradient.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: The maps have different heights or widths, or are of other numbers of persons.

    Example:
        >>> import torch
        >>> attention_distance(torch.tensor([[[[1., 0.]]]]), torch.tensor([[[[0., 3.]], [[0., 4.]]]]))
        tensor(2.)
    """
    if student.dim() != 4 or student.shape[2:] != teacher.shape[2:] or len(student) != len(teacher):
        raise ConfigError(f'attention transfer: the student\'s feature is {tuple(student.shape)} and the teacher\'s '
                          f'{tuple(teacher.shape)}; expected two maps (N, C, H, W) of the same N, H and W. Tap '
                          'stages of the same stride, or add a connector.')
    return (_attention(student) - _attention(teacher.detach())).square().sum(1).mean()


@MODELS.register_module()
class RKDLoss(nn.Module):
    """Relational Knowledge Distillation (Park et al., CVPR 2019): :func:`rkd_distance` and :func:`rkd_angle`.

    Args:
        distance_weight (float): Factor of the distance-wise loss. Default: 25, the paper's for classification.
        angle_weight (float): Factor of the angle-wise loss. Default: 50, the paper's for classification.

    Raises:
        ConfigError: A factor is negative, or both are 0.

    Example:
        >>> import torch
        >>> loss = MODELS.build(dict(type='RKDLoss', distance_weight=25., angle_weight=50.))
        >>> loss(torch.rand(4, 16, 8, 6), torch.rand(4, 32, 4, 3)).shape
        torch.Size([])
    """

    same_shape = False

    def __init__(self, distance_weight: float = 25.0, angle_weight: float = 50.0):
        super().__init__()
        if not (is_factor(distance_weight) and is_factor(angle_weight)) or distance_weight == angle_weight == 0:
            raise ConfigError(f'RKDLoss: distance_weight={distance_weight!r} and angle_weight={angle_weight!r} given, '
                              'expected numbers of at least 0 and one above 0.')
        self.distance_weight, self.angle_weight = distance_weight, angle_weight

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Compare the relations in two sets of features (N, ...); a scalar, at least float32."""
        loss = self.distance_weight * rkd_distance(student, teacher) if self.distance_weight else student.new_zeros(())
        return loss + self.angle_weight * rkd_angle(student, teacher) if self.angle_weight else loss


@MODELS.register_module()
class SimilarityLoss(nn.Module):
    """Similarity-preserving distillation (Tung and Mori, ICCV 2019): :func:`similarity_distance`.

    Example:
        >>> import torch
        >>> loss = MODELS.build(dict(type='SimilarityLoss'))
        >>> loss(torch.rand(4, 16, 8, 6), torch.rand(4, 32, 4, 3)).shape
        torch.Size([])
    """

    same_shape = False

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Compare the similarities in two sets of features (N, ...); a scalar, at least float32."""
        return similarity_distance(student, teacher)


@MODELS.register_module()
class AttentionTransferLoss(nn.Module):
    """Attention transfer (Zagoruyko and Komodakis, ICLR 2017): :func:`attention_distance`.

    Example:
        >>> import torch
        >>> loss = MODELS.build(dict(type='AttentionTransferLoss'))
        >>> loss(torch.rand(4, 16, 8, 6), torch.rand(4, 32, 8, 6)).shape
        torch.Size([])
    """

    same_shape = False

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Compare the attention of (N, C_s, H, W) and (N, C_t, H, W); a scalar, at least float32."""
        return attention_distance(student, teacher)


def _rows(student: Tensor, teacher: Tensor) -> Tuple[Tensor, Tensor]:
    """The features of each person as a row, on both sides; the teacher's without a gradient."""
    if len(student) != len(teacher):
        raise ConfigError(f'relations between persons: the student\'s feature is {tuple(student.shape)} and the '
                          f'teacher\'s {tuple(teacher.shape)}; expected (N, ...) of the same N. Tap modules that '
                          'return one feature for each person.')
    return at_least_float32(student).flatten(1), at_least_float32(teacher.detach()).flatten(1)


def _distances(rows: Tensor) -> Tensor:
    return torch.cdist(rows, rows, compute_mode='donot_use_mm_for_euclid_dist')  # exactly 0 for equal rows


def _person_distances(rows: Tensor) -> Tensor:
    distances = _distances(rows)
    count = (distances > 0).sum().clamp(min=1)
    mean = distances.sum() / count
    return distances / torch.where(mean > 0, mean, torch.ones_like(mean))


def _cosines(rows: Tensor) -> Tensor:
    """Cosine of the angle i, j, k at [j, i, k]."""
    distances = _distances(rows)
    units = (rows - rows.unsqueeze(1)) / torch.where(distances > 0, distances, torch.ones_like(distances)).unsqueeze(-1)
    with torch.autocast(rows.device.type, enabled=False):
        return units @ units.transpose(1, 2)


def _person_similarities(rows: Tensor) -> Tensor:
    with torch.autocast(rows.device.type, enabled=False):
        return unit_rows(rows @ rows.t())


def _attention(feature: Tensor) -> Tensor:
    return unit_rows(at_least_float32(feature).square().mean(1).flatten(1))  # sum or mean: the norm takes it
