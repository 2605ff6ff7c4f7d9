"""What the two heads return: SimDR logits or heatmaps."""
import inspect
from typing import Any, Tuple, Union

from mmpose.models.losses import KLDiscretLoss
from mmpose.models.losses.heatmap_loss import CombinedTargetMSELoss
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_kd.errors import ConfigError, build
from mmpose_kd.models.labels import keypoint_weights
from mmpose_kd.models.outputs import is_simdr, last_heatmaps
from mmpose_kd.models.taps import Record, is_output, shapes

from .base import STUDENT, Objective, same_values

_LAST = {'outputs', 'outputs[-1]'}  # the same where a head has several stages
_LOSSES = {'SimDR logits': 'SimDRKLLoss', 'heatmaps': 'HeatmapKDLoss'}


@MODELS.register_module()
class OutputObjective(Objective):
    """Compare the outputs of the two heads, joint by joint: Eq. 7 of Multi-KD (Xu et al., BMVC 2024).

    With :class:`SimDRKLLoss <mmpose_kd.models.losses.SimDRKLLoss>` this is the paper's vanilla distillation on the
    SimDR logits; with :class:`HeatmapKDLoss <mmpose_kd.models.losses.HeatmapKDLoss>` the same on heatmaps. Unlike in
    Eq. 7, joints count with the keypoint weights of the student's codec: one without a label is left out.

    The loss takes the student's output, the teacher's, and the weights (N, K), and returns a scalar. Of a head with
    several stages, which returns a list of heatmaps, the last is compared. The maps of offsets that ``UDPHeatmap`` adds
    with ``heatmap_type='combined'`` are compared, with the weight of their joint, by a loss whose ``compares_values``
    is true, as that of ``HeatmapKDLoss(mode='mse')`` is; losses on places, distributions or structures see the maps of
    places alone.

    Args:
        loss (dict): How the outputs are compared. Default: ``dict(type='SimDRKLLoss')``.
        student_output (str): Path of the student's output, such as ``'outputs[0]'`` for an earlier stage or for a head
            that returns more than coordinates. Default: 'outputs'.
        teacher_output (str): Path of the teacher's output: what the head returned or an entry of it, which alone is
            brought to the student's keypoints, bins and cells; with ``teacher='student'`` any path. Default: 'outputs'.
        weight (float | dict): Factor of the loss, or a schedule: beta in Eq. 8. Default: 1.
        teacher (str): Which teacher. Default: 'teacher'.

    Raises:
        ConfigError: The loss cannot be built or does not compare outputs, or ``teacher_output`` is a module of a
            teacher, or both outputs are the student's same one; at the first step, a head returns neither heatmaps nor
            SimDR logits, the outputs differ in kind or shape, or the loss is for the other kind.

    Example:
        >>> import torch
        >>> from mmengine.structures import InstanceData
        >>> from mmpose.registry import MODELS
        >>> from mmpose.structures import PoseDataSample
        >>> from mmpose_kd.models.taps import Record
        >>> objective = MODELS.build(dict(
        ...     type='OutputObjective', weight=0.64, loss=dict(type='SimDRKLLoss', temperature=1.0)))
        >>> sample = PoseDataSample(gt_instance_labels=InstanceData(keypoint_weights=torch.ones(1, 17)))
        >>> logits = (torch.rand(1, 17, 384), torch.rand(1, 17, 512))
        >>> objective(Record(outputs=logits), Record(outputs=logits), [sample])
        tensor(0.)
    """

    def __init__(self,
                 loss: dict = dict(type='SimDRKLLoss'),
                 student_output: str = 'outputs',
                 teacher_output: str = 'outputs',
                 weight: Union[float, dict] = 1.0,
                 teacher: str = 'teacher'):
        super().__init__(weight, teacher, student_taps=[student_output], teacher_taps=[teacher_output])
        if teacher != STUDENT and not is_output(teacher_output):
            raise ConfigError(f'teacher_output={teacher_output!r} given, but only what a teacher\'s head returns is '
                              "brought to the student's keypoints, bins and cells: expected 'outputs' or an entry of "
                              "it, such as 'outputs[0]'.")
        if teacher == STUDENT and (student_output == teacher_output or {student_output, teacher_output} <= _LAST):
            raise ConfigError(f"student_output={student_output!r} and teacher_output={teacher_output!r} of "
                              "teacher='student' are the same output, which would be compared with itself: give one "
                              "of them another stage or branch of the head, such as 'outputs[0]'.")
        self.loss = build(MODELS, loss, 'loss')
        if isinstance(self.loss, KLDiscretLoss):
            raise ConfigError('loss: KLDiscretLoss compares logits with the distribution of a label, and a teacher '
                              "gives logits: use dict(type='SimDRKLLoss').")
        if isinstance(self.loss, CombinedTargetMSELoss):
            raise ConfigError('loss: CombinedTargetMSELoss is for maps and labels with offsets, in sets of three: use '
                              "dict(type='HeatmapKDLoss'), which compares these too.")
        try:
            inspect.signature(self.loss.forward).bind('student', 'teacher', 'weights')
        except TypeError:
            raise ConfigError(f'loss: {type(self.loss).__name__} does not take the outputs of both heads and the '
                              f'keypoint weights. Use {" or ".join(_LOSSES.values())}, or compare features with '
                              'FeatureObjective.') from None

    def forward(self, student: Record, teacher: Record, data_samples: list) -> Tensor:
        """The loss of the batch, a scalar; see :meth:`Objective.forward`."""
        kind_s, output_s = _joint_output(student, 'student', self.student_taps[0])
        kind_t, output_t = _joint_output(teacher, 'teacher', self.teacher_taps[0])
        shapes_s, shapes_t = shapes(output_s), shapes(output_t)
        if kind_s != kind_t:
            raise ConfigError(f"the student's head returns {kind_s} {shapes_s}, the teacher's {kind_t} {shapes_t}: "
                              'give both a head of the same kind, or compare features with FeatureObjective.')
        if shapes_s != shapes_t:
            raise ConfigError(f"the student's head returns {kind_s} {shapes_s}, the teacher's {shapes_t}: both must "
                              'have the same joints and the same bins or cells; compare their metainfo and codecs '
                              '(sizes, heatmap_type).')
        loss = type(self.loss).__name__
        if loss in _LOSSES.values() and loss != _LOSSES[kind_s]:
            raise ConfigError(f"loss: the heads return {kind_s}, which {loss} does not compare: use "
                              f"dict(type='{_LOSSES[kind_s]}').")
        first, second = (output if isinstance(output, Tensor) else output[0] for output in (output_s, output_t))
        if self.teacher == STUDENT and same_values(first, second):
            raise ConfigError(f"student_output='{self.student_taps[0]}' and teacher_output='{self.teacher_taps[0]}' of "
                              "teacher='student' are the same output, which would be compared with itself: give one "
                              'of them another stage or branch of the head.')
        weights = keypoint_weights(data_samples, first.device)
        if first.shape[1] == 3 * weights.shape[1]:  # UDPHeatmap's combined maps: a place, two offsets that lead there
            if getattr(self.loss, 'compares_values', False):
                weights = weights.repeat_interleave(3, dim=1)
            else:
                output_s, output_t = output_s[:, ::3], output_t[:, ::3]
        return self.loss(output_s, output_t, weights)


def _joint_output(record: Record, side: str, path: str) -> Tuple[str, Any]:
    """Kind of a head's output, and the output; of a list of heatmaps the last."""
    output = record[path]
    if is_simdr(output):
        return 'SimDR logits', tuple(output)
    heatmaps = last_heatmaps(output)
    if heatmaps is not None:
        return 'heatmaps', heatmaps
    raise ConfigError(f"the {side}'s head returns {shapes(output)} at '{path}': expected heatmaps (N, K, H, W), a "
                      f'list of heatmaps, or SimDR logits (N, K, Wx) and (N, K, Wy). {_advice(output, side, path)}')


def _advice(output: Any, side: str, path: str) -> str:
    """The entry of a head's outputs that can be compared, or what to do where there is none."""
    entries = output if isinstance(output, (list, tuple)) else []
    found = [i for i, entry in enumerate(entries) if is_simdr(entry) or last_heatmaps(entry) is not None]
    return f"Set {side}_output='{path}[{found[0]}]'." if found else 'Compare features with FeatureObjective.'
