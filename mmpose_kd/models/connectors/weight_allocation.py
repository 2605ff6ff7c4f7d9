"""Weights of the pairs of a student and a teacher stage, per person."""
from typing import List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, check_count
from mmpose_kd.models.losses.reduction import at_least_float32, unit_rows


def stage_pairs(num_teacher: int, num_student: int) -> List[Tuple[int, int]]:
    """The pairs of Eq. 1 in Multi-KD: teacher stage l guides the student stages m >= l.

    Args:
        num_teacher (int): Teacher stages L.
        num_student (int): Student stages M.

    Returns:
        list[tuple[int]]: Pairs (l, m), counted from 0, in the order of the paper's double sum.

    Raises:
        ConfigError: There is no teacher stage, or there are more teacher than student stages, so that the last teacher
            stages would guide nothing.

    Example:
        >>> stage_pairs(3, 3)
        [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    """
    if not 1 <= num_teacher <= num_student:
        raise ConfigError(f'a teacher stage guides the student stages from its own on: expected between 1 and '
                          f'{num_student} teacher stages for {num_student} student stages, got {num_teacher}.')
    return [(t, s) for t in range(num_teacher) for s in range(t, num_student)]


@MODELS.register_module()
class WeightAllocation(BaseModule):
    """Weigh the stage pairs of every person: Eq. 3 and 4 of Multi-KD (Xu et al., BMVC 2024).

    For every stage the features of a batch, flattened to (b, chw), give the similarity matrix ``F F^T`` (b, b),
    computed in float32. Row i, the similarities of person i to the batch, goes through two linear layers with a ReLU
    between them and is scaled to unit length; every stage of either side has its own two layers. The scalar products
    of student and teacher vectors over all pairs (l, m >= l) pass a softmax, jointly over the pairs.

    What to know when using it:

    - *The batch size is part of the weights*: a row has b entries. A smaller last batch has its rows padded with
      zeros, which adds nothing to the first layer; a larger batch is an error. Entry k of a row is the similarity to
      the k-th person of the batch, so the weights depend on who else is in the batch and in which order, and under
      data-parallel training on one process's share of it: ``batch_size`` is that of one process.
    - The entries of a similarity matrix are large (1e5 and more). The unit length afterwards takes their scale out
      again, except that the layers' biases have next to no say.
    - Scalar products of unit vectors lie in [-1, 1], so no weight is more than e^2 = 7.4 times another. With six pairs
      all lie between 0.026 and 0.60.
    - *The loss reaches the weights*, as in the paper: part of its gradient moves weight to the pairs with the smallest
      distance. The bound above is what keeps that from ending in a single pair. Where the teacher's stages differ in
      scale, the smallest distance is that of the smallest features; ``FeatureMSELoss(normalize='layer')`` takes the
      scale out (measured in ``docs/equations_multi_kd.md``).
    - The text below Eq. 4 lets the weights sum to 1 over the whole batch, the formula over the pairs of one person.
      This is the formula.

    The paper gives no widths. As in SemCKD (Chen et al., AAAI 2021), whose query and key layers have this form, the
    vectors have b // 4 entries and the layer before them twice as many; never fewer than 8 and 16, because a unit
    vector of one entry could only be 1 or -1.

    Args:
        batch_size (int): Persons in a full batch, which must equal ``train_dataloader.batch_size``.
        num_student (int): Student stages M.
        num_teacher (int): Teacher stages L, at most M.
        embed_channels (int, optional): Length of the vectors. Default: ``max(8, batch_size // 4)``.
        init_cfg (dict, optional): Initialisation. Default: PyTorch's.

    Attributes:
        pairs (list[tuple[int]]): The pairs (l, m), counted from 0.
        last_gamma (Tensor, optional): Mean weight of each pair in the last batch (P, ), detached.

    Raises:
        ConfigError: A batch has more than ``batch_size`` persons, there are more teacher than student stages, or an
            argument has no such value.

    Example:
        >>> import torch
        >>> from mmpose.registry import MODELS
        >>> allocation = MODELS.build(dict(type='WeightAllocation', batch_size=4, num_student=2, num_teacher=2))
        >>> student = [torch.rand(4, 80, 8, 6), torch.rand(4, 160, 4, 3)]
        >>> teacher = [torch.rand(4, 64, 8, 6), torch.rand(4, 128, 4, 3)]
        >>> allocation(student, teacher).shape
        torch.Size([4, 3])
    """

    def __init__(self,
                 batch_size: int,
                 num_student: int,
                 num_teacher: int,
                 embed_channels: Optional[int] = None,
                 init_cfg: Optional[dict] = None):
        super().__init__(init_cfg)
        self.batch_size = check_count('batch_size', batch_size)
        self.pairs = stage_pairs(num_teacher, num_student)
        embed_channels = max(8, batch_size // 4) if embed_channels is None else embed_channels
        check_count('embed_channels', embed_channels)
        self.student_layers = nn.ModuleList([self._layers(embed_channels) for _ in range(num_student)])
        self.teacher_layers = nn.ModuleList([self._layers(embed_channels) for _ in range(num_teacher)])
        self.last_gamma: Optional[Tensor] = None

    def _layers(self, embed_channels: int) -> nn.Module:
        return nn.Sequential(
            nn.Linear(self.batch_size, 2 * embed_channels), nn.ReLU(), nn.Linear(2 * embed_channels, embed_channels))

    def forward(self, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
        """Weigh the pairs.

        Args:
            student (Sequence[Tensor]): Features of the M student stages, each (n, C, H, W).
            teacher (Sequence[Tensor]): Features of the L teacher stages, each (n, C, H, W).

        Returns:
            Tensor: Weights (n, P) in float32, one for each of :attr:`pairs`; every row sums to 1.
        """
        with torch.autocast(device_type=student[0].device.type, enabled=False):
            rows_s = [self._embed(x, layers) for x, layers in zip(student, self.student_layers)]
            rows_t = [self._embed(x, layers) for x, layers in zip(teacher, self.teacher_layers)]
            gamma = torch.stack([(rows_s[s] * rows_t[t]).sum(1) for t, s in self.pairs], dim=1).softmax(dim=1)
        self.last_gamma = gamma.detach().mean(0)
        return gamma

    def _embed(self, x: Tensor, layers: nn.Module) -> Tensor:
        if len(x) > self.batch_size:
            raise ConfigError(
                f'WeightAllocation was built for at most {self.batch_size} persons a batch and got {len(x)}: set '
                f'allocation.batch_size={len(x)}, the same as train_dataloader.batch_size (per process).')
        x = at_least_float32(x).flatten(1)
        gram = x @ x.t()
        return unit_rows(layers(F.pad(gram, (0, self.batch_size - len(x)))))
