"""Intermediate features, every teacher stage against its own and all later student stages."""
from typing import List, Optional, Sequence, Union

import torch
from mmengine.model import ModuleList
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.connectors import stage_pairs
from mmpose_kd.models.taps import Record

from .base import Objective
from .feature import check_fits, check_lengths, tapped


@MODELS.register_module()
class CrossStageObjective(Objective):
    """Cross-stage feature distillation of Multi-KD (Xu et al., BMVC 2024): Eq. 1, 2 and 5.

    Teacher stage l guides the student stages m = l .. M. Each pair has a connector of its own and the distance D, the
    mean squared error over the channels and positions of a person. With L = M = 3 there are six pairs. Over a batch of
    N persons:

    - without allocation (Eq. 1): ``1/N sum_i sum_l sum_{m>=l} D(F_t_l[i], f(F_s_m[i]))``
    - with allocation (Eq. 5): ``1/N sum_i sum_l sum_{m>=l} gamma_i(t_l, s_m) D(F_t_l[i], f(F_s_m[i]))``

    Eq. 5 prints a sum over the batch; the mean is ours, so that the weight means the same at every batch size. The
    weights gamma of a person sum to 1, while Eq. 1 is a plain sum over the P pairs: with equal distances *Eq. 1 is P
    times as large as Eq. 5* under the same ``weight``, six times with three stages. Both are as printed; whoever wants
    the mean over the pairs without allocation divides ``weight`` by P. The rows of the paper's Table 4 are::

        cross-stage                connector=dict(type='ConvAligner')
        cross-stage + MFT          connector=dict(type='MFTConnector')
        cross-stage + WA           connector=dict(type='ConvAligner'), allocation=dict(type='WeightAllocation', ...)
        cross-stage + MFT + WA     connector=dict(type='MFTConnector'), allocation=dict(type='WeightAllocation', ...)

    The paper does not name the layers. The reading that makes transposed convolutions necessary, and that the configs
    use, is the newest (coarsest) branch of stages 2 to 4: strides 8, 16 and 32 on both sides.

    Args:
        student_taps (Sequence[str]): Path of the feature of each of the M student stages, shallow to deep.
        teacher_taps (Sequence[str]): Path of the feature of each of the L <= M teacher stages, shallow to deep.
        student_channels (Sequence[int]): Channels of each student feature.
        teacher_channels (Sequence[int]): Channels of each teacher feature.
        student_strides (Sequence[float]): Stride of each student feature, in pixels of the student's input.
        teacher_strides (Sequence[float]): Stride of each teacher feature, in the same pixels: where the teacher's input
            is larger than the student's, its strides are smaller by that factor. Only the ratios are used.
        connector (dict): Built for each pair with ``in_channels``, ``out_channels`` and ``scale`` (student stride over
            teacher stride). Default: ``dict(type='MFTConnector')``.
        allocation (dict, optional): Weights of the pairs, built with ``num_student`` and ``num_teacher``, such as
            ``dict(type='WeightAllocation', batch_size=32)``. Default: None, every pair counts 1.
        loss (dict): Distance D, a module with a method ``per_sample(student, teacher) -> (N, )``. Default:
            ``dict(type='FeatureMSELoss')``.
        weight (float | dict): Factor of the loss, or a schedule: alpha in Eq. 8, 0.005 in the paper. Default: 1.
        teacher (str): Which teacher. Default: 'teacher'.
        init_cfg (dict, optional): Initialisation of the connectors.

    Raises:
        ConfigError: At build, lists of different lengths, more teacher than student stages, or a loss without
            ``per_sample``; at the first step, features that do not have the stated channels or sizes, or a batch larger
            than the allocation's.

    Example:
        >>> import torch
        >>> from mmpose.registry import MODELS
        >>> from mmpose_kd.models.taps import Record
        >>> objective = MODELS.build(dict(
        ...     type='CrossStageObjective', weight=0.005,
        ...     student_taps=['backbone.stage0[-1]', 'backbone.stage1[-1]'], student_channels=[80, 160],
        ...     teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]'], teacher_channels=[64, 128],
        ...     student_strides=[8, 16], teacher_strides=[8, 16],
        ...     connector=dict(type='MFTConnector', kernel_sizes=(1, 3, 5)),
        ...     allocation=dict(type='WeightAllocation', batch_size=4)))
        >>> student = Record(taps={'backbone.stage0[-1]': torch.rand(4, 80, 16, 12),
        ...                        'backbone.stage1[-1]': torch.rand(4, 160, 8, 6)})
        >>> teacher = Record(taps={'backbone.stage2[-1]': torch.rand(4, 64, 16, 12),
        ...                        'backbone.stage3[-1]': torch.rand(4, 128, 8, 6)})
        >>> objective(student, teacher, data_samples=[]).shape
        torch.Size([])
    """

    def __init__(self,
                 student_taps: Sequence[str],
                 teacher_taps: Sequence[str],
                 student_channels: Sequence[int],
                 teacher_channels: Sequence[int],
                 student_strides: Sequence[float],
                 teacher_strides: Sequence[float],
                 connector: dict = dict(type='MFTConnector'),
                 allocation: Optional[dict] = None,
                 loss: dict = dict(type='FeatureMSELoss'),
                 weight: Union[float, dict] = 1.0,
                 teacher: str = 'teacher',
                 init_cfg: Optional[dict] = None):
        check_lengths('student_taps', student_taps, student_channels=student_channels, student_strides=student_strides)
        check_lengths('teacher_taps', teacher_taps, teacher_channels=teacher_channels, teacher_strides=teacher_strides)
        super().__init__(weight, teacher, student_taps, teacher_taps, init_cfg)
        self.student_channels = student_channels
        self.teacher_channels = teacher_channels
        self.pairs = stage_pairs(len(teacher_taps), len(student_taps))
        self.connectors = ModuleList([
            build(MODELS, connector, 'connector', in_channels=student_channels[s],
                  out_channels=teacher_channels[t], scale=student_strides[s] / teacher_strides[t])
            for t, s in self.pairs])
        self.allocation = None if allocation is None else build(
            MODELS, allocation, 'allocation', num_student=len(student_taps),
            num_teacher=len(teacher_taps))
        self.loss = build(MODELS, loss, 'loss')
        if not hasattr(self.loss, 'per_sample'):
            raise ConfigError(f'loss: {type(self.loss).__name__} has no method "per_sample" that '
                              "gives one value for each person; use one that has, such as dict(type='FeatureMSELoss').")

    def forward(self, student: Record, teacher: Record, data_samples: list) -> Tensor:
        """The loss of Eq. 1 or 5, a scalar; see :meth:`Objective.forward`."""
        features_s = tapped(student, 'student', self.student_taps, self.student_channels)
        features_t = tapped(teacher, 'teacher', self.teacher_taps, self.teacher_channels)
        distances = torch.stack(self._distances(features_s, features_t), dim=1)  # (N, P)
        if self.allocation is not None:
            distances = self.allocation(features_s, features_t) * distances
        return distances.sum(1).mean()

    def _distances(self, features_s: List[Tensor], features_t: List[Tensor]) -> List[Tensor]:
        distances = []
        for (t, s), connector in zip(self.pairs, self.connectors):
            x, y = features_s[s], features_t[t]
            aligned = connector(x)
            check_fits(x, aligned, y, self.student_taps[s], self.teacher_taps[t], connector,
                       f'Set student_strides[{s}] and teacher_strides[{t}] to that ratio.')
            distances.append(self.loss.per_sample(aligned, y))
        return distances
