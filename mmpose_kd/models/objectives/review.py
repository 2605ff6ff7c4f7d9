"""Intermediate features, every teacher stage against all student stages from its own on, fused."""
from typing import Optional, Sequence, Union

from mmengine.model import ModuleList
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_kd.errors import build, check_count
from mmpose_kd.models.taps import Record

from .base import Objective
from .feature import check_fits, check_lengths, tapped


@MODELS.register_module()
class ReviewKDObjective(Objective):
    """Knowledge review: ReviewKD (Chen et al., CVPR 2021), what Multi-KD is compared with in its Table 1.

    From the deepest student stage to the shallowest, a connector fuses a stage's feature with the fused map of the
    deeper ones, and the result is compared with the teacher's feature of that stage; the stages' losses are summed.
    So every teacher stage guides the student's own and later stages, as in
    :class:`CrossStageObjective <mmpose_kd.models.objectives.CrossStageObjective>`, by one comparison each.

    Args:
        student_taps (Sequence[str]): Path of the feature of each student stage, shallow to deep.
        teacher_taps (Sequence[str]): Path of the teacher's feature for each of them.
        student_channels (Sequence[int]): Channels of each student feature.
        teacher_channels (Sequence[int]): Channels of each teacher feature.
        student_strides (Sequence[float]): Stride of each student feature, in pixels of the student's input.
        teacher_strides (Sequence[float]): Stride of each teacher feature, in the same pixels. Only the ratios are used.
        connector (dict): Built for each stage with ``in_channels``, ``out_channels``, ``mid_channels``, ``scale``
            (student stride over teacher stride) and ``fuse``, which is False for the deepest. Default:
            ``dict(type='ABFConnector')``.
        mid_channels (int, optional): Channels of the fused maps. Default: those of the deepest student feature, at
            most 512, as in the authors' code.
        loss (dict): How two features are compared. Default: ``dict(type='HCLLoss')``.
        weight (float | dict): Factor of the loss, or a schedule. Default: 1.
        teacher (str): Which teacher. Default: 'teacher'.
        init_cfg (dict, optional): Initialisation of the connectors.

    Raises:
        ConfigError: At build, lists of different lengths, or channels that are no whole numbers above 0; at the first
            step, features that do not have the stated channels or sizes.

    Example:
        >>> import torch
        >>> from mmpose.registry import MODELS
        >>> from mmpose_kd.models.taps import Record
        >>> objective = MODELS.build(dict(
        ...     type='ReviewKDObjective', weight=dict(type='WarmUp', weight=1., until=0.1),
        ...     student_taps=['backbone.stage0[-1]', 'backbone.stage1[-1]'], student_channels=[80, 160],
        ...     teacher_taps=['backbone.stage2[-1]', 'backbone.stage3[-1]'], teacher_channels=[64, 128],
        ...     student_strides=[8, 16], teacher_strides=[8, 16]))
        >>> student = Record(taps={'backbone.stage0[-1]': torch.rand(2, 80, 16, 12),
        ...                        'backbone.stage1[-1]': torch.rand(2, 160, 8, 6)})
        >>> teacher = Record(taps={'backbone.stage2[-1]': torch.rand(2, 64, 16, 12),
        ...                        'backbone.stage3[-1]': torch.rand(2, 128, 8, 6)})
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
                 connector: dict = dict(type='ABFConnector'),
                 mid_channels: Optional[int] = None,
                 loss: dict = dict(type='HCLLoss'),
                 weight: Union[float, dict] = 1.0,
                 teacher: str = 'teacher',
                 init_cfg: Optional[dict] = None):
        check_lengths('student_taps', student_taps, teacher_taps=teacher_taps,
                      student_channels=student_channels, teacher_channels=teacher_channels,
                      student_strides=student_strides, teacher_strides=teacher_strides)
        super().__init__(weight, teacher, student_taps, teacher_taps, init_cfg)
        self.student_channels = student_channels
        self.teacher_channels = teacher_channels
        mid_channels = min(512, student_channels[-1]) if mid_channels is None else mid_channels
        check_count('mid_channels', mid_channels)
        deepest = len(student_taps) - 1
        self.connectors = ModuleList([
            build(MODELS, connector, 'connector', in_channels=student_channels[i], out_channels=teacher_channels[i],
                  mid_channels=mid_channels, scale=student_strides[i] / teacher_strides[i], fuse=i < deepest)
            for i in range(len(student_taps))])
        self.loss = build(MODELS, loss, 'loss')

    def forward(self, student: Record, teacher: Record, data_samples: list) -> Tensor:
        """Sum of the loss over the stages, a scalar; see :meth:`Objective.forward`."""
        features_s = tapped(student, 'student', self.student_taps, self.student_channels)
        features_t = tapped(teacher, 'teacher', self.teacher_taps, self.teacher_channels)
        total, fused = features_s[0].new_zeros(()), None
        for i in reversed(range(len(features_s))):
            x, y, connector = features_s[i], features_t[i], self.connectors[i]
            aligned, fused = connector(x, fused)
            check_fits(x, aligned, y, self.student_taps[i], self.teacher_taps[i], connector,
                       f'Set student_strides[{i}] and teacher_strides[{i}] to that ratio.')
            total = total + self.loss(aligned, y)
        return total
