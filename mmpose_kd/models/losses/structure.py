"""Losses on the structure of a pose: how the joints of one person lie to each other."""
from typing import Optional, Sequence, Tuple, Union

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, is_factor
from mmpose_kd.models.constants import constant
from mmpose_kd.models.limbs import limbs_of

from .expectation import Outputs, expected_coordinates, joint_distributions
from .reduction import at_least_float32, check_same_shape, check_temperature, checked_weights, unit_rows


def joint_distance(student: Tensor, teacher: Tensor, weights: Optional[Tensor] = None) -> Tensor:
    r"""Difference of the distances between the joints of a person.

    RKD's distance-wise loss (Park et al., CVPR 2019, Eq. 5 to 7), between joints instead of samples:

    .. math:: \frac{1}{N K (K - 1)} \sum_n \sum_{i \ne j} w_{ni} w_{nj} \,
        l_\delta(d^s_{nij} / \mu^s_n, \; d^t_{nij} / \mu^t_n)

    with d the distance of two joints, :math:`\mu_n` its mean over the person's pairs, weighted by
    :math:`w_{ni} w_{nj}`, and :math:`l_\delta` the Huber loss of threshold 1. Moving, turning or scaling a person on
    either side changes nothing. A mean below one cell counts as one: a network that has learnt nothing puts all joints
    in one place, whose relative distances would have an unbounded gradient.

    Args:
        student (Tensor): Student's coordinates in cells or bins, (N, K, 2).
        teacher (Tensor): Teacher's, of the same shape; they get no gradient.
        weights (Tensor, optional): Weight of each joint, (N, K); 0 where it is not visible. Default: 1.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: Shapes do not fit.

    Example:
        >>> import torch
        >>> pose = torch.tensor([[[0., 0.], [3., 4.], [6., 0.]]])
        >>> joint_distance(pose, 2 * pose + 10)
        tensor(0.)
    """
    check_same_shape(student, teacher, 'poses')
    weights = _weights_of(student, weights)
    pairs = weights.unsqueeze(1) * weights.unsqueeze(2) * (1 - torch.eye(weights.shape[1], device=weights.device))
    own, taught = (_joint_distances(pose, pairs) for pose in (student, teacher.detach()))
    losses = F.smooth_l1_loss(own, taught, reduction='none') * pairs
    return losses.sum((1, 2)).mean() / max(1, pairs.shape[1] * (pairs.shape[1] - 1))


def limb_direction(student: Tensor, teacher: Tensor, limbs: Sequence[Tuple[int, int]],
                   weights: Optional[Tensor] = None) -> Tensor:
    r"""Difference of the directions in which the limbs of a person point.

    .. math:: \frac{1}{N L} \sum_n \sum_{(i, j)} w_{ni} w_{nj} \sum_c l_\delta(u^s_{nijc}, u^t_{nijc}), \quad
        u_{nij} = \frac{x_{nj} - x_{ni}}{\max(\lVert x_{nj} - x_{ni} \rVert, 1)}

    over the L limbs. The components c of u are the limb's direction cosines; a limb of less than one cell has no
    direction to learn, and counts by its length. Moving or scaling a person on either side changes nothing.

    Args:
        student (Tensor): Student's coordinates in cells or bins, (N, K, 2).
        teacher (Tensor): Teacher's, of the same shape; they get no gradient.
        limbs (Sequence[tuple[int, int]]): Pairs of joints.
        weights (Tensor, optional): Weight of each joint, (N, K); 0 where it is not visible. Default: 1.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: Shapes do not fit.

    Example:
        >>> import torch
        >>> right, down = torch.tensor([[[0., 0.], [5., 0.]]]), torch.tensor([[[0., 0.], [0., 9.]]])
        >>> limb_direction(right, down, [(0, 1)])  # 0.5 for each component
        tensor(1.)
    """
    check_same_shape(student, teacher, 'poses')
    weights = _weights_of(student, weights)
    start, end = constant(limbs, student, torch.long).unbind(1)
    directions = []
    for pose in (student, teacher.detach()):
        vectors = at_least_float32(pose)[:, end] - at_least_float32(pose)[:, start]
        directions.append(vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1))
    losses = F.smooth_l1_loss(directions[0], directions[1], reduction='none').sum(-1)
    return (losses * weights[:, start] * weights[:, end]).mean()


def joint_relation(student: Outputs, teacher: Outputs, weights: Optional[Tensor] = None,
                   temperature: Optional[float] = None) -> Tensor:
    r"""Difference of the relations between the joints' distributions.

    The similarity-preserving loss (Tung and Mori, ICCV 2019) between joints instead of samples:

    .. math:: \frac{1}{N K (K - 1)} \sum_n \sum_{i \ne j} w_{ni} w_{nj} (g^s_{nij} - g^t_{nij})^2

    with :math:`g_{ij}` the cosine of the distributions of joints i and j: how much the places overlap where they may
    be. The distribution is the softmax of a heatmap, or the product of those of both SimDR axes.

    Args:
        student (Tensor | tuple[Tensor, Tensor]): Heatmaps (N, K, H, W), or SimDR logits (N, K, Wx) and (N, K, Wy).
        teacher (Tensor | tuple[Tensor, Tensor]): Teacher's, of any size; they get no gradient.
        weights (Tensor, optional): Weight of each joint, (N, K); 0 where it is not visible. Default: 1.
        temperature (float, optional): See :func:`joint_distributions`.

    Returns:
        Tensor: The loss, a scalar.

    Raises:
        ConfigError: Shapes do not fit.
    """
    similar_s, similar_t = _joint_similarities(student, temperature), _joint_similarities(teacher, temperature).detach()
    check_same_shape(similar_s, similar_t, 'relations between joints')
    weights = _weights_of(similar_s, weights)
    pairs = weights.unsqueeze(1) * weights.unsqueeze(2)
    losses = (similar_s - similar_t).square() * pairs  # the diagonal is 1 - 1
    return losses.sum((1, 2)).mean() / max(1, pairs.shape[1] * (pairs.shape[1] - 1))


@MODELS.register_module()
class JointStructureLoss(nn.Module):
    """Human-joint structure loss of stage 1 of the coarse-to-fine distillation (Ji et al., arXiv 2508.11212).

    Of the paper only the abstract is public: a loss that `mines structural relations among joints`. What it consists of
    here is our reading: :func:`joint_distance` and :func:`limb_direction` on the expected coordinates of both heads,
    and, if asked for, :func:`joint_relation` on their distributions. It is a loss for :class:`OutputObjective
    <mmpose_kd.models.objectives.OutputObjective>`, for heatmaps and SimDR logits alike.

    Args:
        skeleton (dict | Sequence[Sequence[int]], optional): The limbs: metainfo of the student's dataset, or pairs of
            joints. Needed for the directions. Default: None.
        distance_weight (float): Factor of :func:`joint_distance`. Default: 1.
        direction_weight (float): Factor of :func:`limb_direction`. Default: 1.
        relation_weight (float): Factor of :func:`joint_relation`. Default: 0.
        temperature (float, optional): Temperature of the softmax, on both sides; 0.1 for heads that are trained by
            ``KLDiscretLoss(beta=10.)``, as RTMPose's are. Default: 1 for SimDR logits, 0.05 for heatmaps.

    Raises:
        ConfigError: A factor is negative or all are 0, or the directions have no skeleton.

    Example:
        >>> objective = dict(
        ...     type='OutputObjective',
        ...     loss=dict(type='JointStructureLoss', skeleton=dict(from_file='configs/_base_/datasets/crowdpose.py')))
        >>> import torch
        >>> loss = MODELS.build(dict(type='JointStructureLoss', skeleton=[[0, 1], [1, 2]], relation_weight=0.1))
        >>> loss(torch.rand(2, 3, 16, 12), torch.rand(2, 3, 16, 12), torch.ones(2, 3)).shape
        torch.Size([])
    """

    takes_softmax = one_temperature = True

    def __init__(self,
                 skeleton: Union[dict, Sequence[Sequence[int]], None] = None,
                 distance_weight: float = 1.0,
                 direction_weight: float = 1.0,
                 relation_weight: float = 0.0,
                 temperature: Optional[float] = None):
        super().__init__()
        factors = dict(distance_weight=distance_weight, direction_weight=direction_weight,
                       relation_weight=relation_weight)
        if not all(map(is_factor, factors.values())) or not any(factors.values()):
            raise ConfigError(f'JointStructureLoss: {factors} given, expected numbers of at least 0 and one above 0.')
        if direction_weight and skeleton is None:
            raise ConfigError('JointStructureLoss: no skeleton given, whose limbs have the directions. Give metainfo, '
                              "such as skeleton=dict(from_file='configs/_base_/datasets/coco.py'), or a list of pairs "
                              'of joints; or set direction_weight=0.')
        self.skeleton = skeleton
        self.limbs = limbs_of(skeleton) if direction_weight and skeleton is not None else []
        self._joints: Optional[int] = None  # those of the heads, of which the skeleton is known to be
        self.distance_weight, self.direction_weight = distance_weight, direction_weight
        self.relation_weight = relation_weight
        self.temperature = temperature if temperature is None else check_temperature(temperature)

    def forward(self, student: Outputs, teacher: Outputs, weights: Optional[Tensor] = None) -> Tensor:
        """Compare the structure of the poses in two heads' outputs.

        Args:
            student (Tensor | tuple[Tensor, Tensor]): Heatmaps (N, K, H, W), or SimDR logits (N, K, Wx) and (N, K, Wy).
            teacher (Tensor | tuple[Tensor, Tensor]): The teacher's, of the same shape.
            weights (Tensor, optional): Weight of each joint, (N, K). Default: 1.

        Returns:
            Tensor: The loss, a scalar, at least float32.

        Raises:
            ConfigError: The skeleton has other joints than the heads.
        """
        own, taught = (expected_coordinates(outputs, self.temperature) for outputs in (student, teacher))
        if self.skeleton is not None and self.limbs and self._joints != own.shape[1]:
            limbs_of(self.skeleton, own.shape[1])
            self._joints = own.shape[1]
        loss = own.new_zeros(())
        if self.distance_weight:
            loss = loss + self.distance_weight * joint_distance(own, taught, weights)
        if self.direction_weight:
            loss = loss + self.direction_weight * limb_direction(own, taught, self.limbs, weights)
        if self.relation_weight:
            loss = loss + self.relation_weight * joint_relation(student, teacher, weights, self.temperature)
        return loss


def _weights_of(joints: Tensor, weights: Optional[Tensor]) -> Tensor:
    """The weights (N, K) of joints (N, K, ...), at least float32."""
    joints = at_least_float32(joints[..., 0])
    return torch.ones_like(joints) if weights is None else checked_weights(weights, joints)


def _joint_distances(pose: Tensor, pairs: Tensor) -> Tensor:
    pose = at_least_float32(pose)
    distances = torch.cdist(pose, pose, compute_mode='donot_use_mm_for_euclid_dist')  # exactly 0 for equal joints
    mean = (distances * pairs).sum((1, 2)) / pairs.sum((1, 2)).clamp(min=torch.finfo(pairs.dtype).tiny)
    return distances / mean.clamp(min=1)[:, None, None]


def _joint_similarities(outputs: Outputs, temperature: Optional[float]) -> Tensor:
    """Cosines (N, K, K) of the joints' distributions; those of a product of two are the product of the cosines."""
    distributions = joint_distributions(outputs, temperature)
    similarities = distributions[0].new_ones(())
    for distribution in distributions:
        rows = unit_rows(distribution.flatten(2))
        with torch.autocast(rows.device.type, enabled=False):
            similarities = similarities * (rows @ rows.transpose(1, 2))
    return similarities
