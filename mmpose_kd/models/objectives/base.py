"""The contract that every objective keeps."""
from typing import Optional, Sequence, Union

from mmengine.model import BaseModule, initialize
from torch import Tensor

from mmpose_kd.models.taps import Record

STUDENT = 'student'  # as an objective's teacher: the student's own record


class Objective(BaseModule):
    """What is compared between student and teacher, and with which loss.

    An objective sees what the two forward passes recorded, never the models. A subclass names the taps it needs and
    implements :meth:`forward`; the distiller records the taps, multiplies the returned value by the current weight and
    logs it under the objective's key in the config.

    Args:
        weight (float | dict): Factor of the loss, or a schedule such as ``dict(type='Linear', start=1., end=0.)``.
            Default: 1.
        teacher (str): Which teacher's record is compared, where ``model.teacher`` names several; ``'student'`` is the
            student's own. Default: 'teacher'.
        student_taps (Sequence[str]): Paths recorded in the student. Default: none.
        teacher_taps (Sequence[str]): Paths recorded in the teacher. Default: none.
        init_cfg (dict, optional): Initialisation of the connectors.
    """

    def __init__(self,
                 weight: Union[float, dict] = 1.0,
                 teacher: str = 'teacher',
                 student_taps: Sequence[str] = (),
                 teacher_taps: Sequence[str] = (),
                 init_cfg: Optional[dict] = None):
        super().__init__(init_cfg)
        self.weight = weight
        self.teacher = teacher
        self.student_taps = tuple(student_taps)
        self.teacher_taps = tuple(teacher_taps)

    def init_weights(self) -> None:
        """Initialise the connectors as ``init_cfg`` says; a connector's own wins over that of the objective."""
        super().init_weights()
        for module in self.modules():  # again: MMCV's ConvModule draws its weights anew, whatever it is part of
            if getattr(module, 'init_cfg', None):
                initialize(module, module.init_cfg)

    def forward(self, student: Record, teacher: Record, data_samples: list) -> Tensor:
        """Compare the two records.

        Args:
            student (Record): What the student's forward pass produced.
            teacher (Record): The teacher's, in the student's keypoint order and output resolution.
            data_samples (list[PoseDataSample]): The batch's annotations.

        Returns:
            Tensor: The loss before weighting, a scalar.
        """
        raise NotImplementedError


def same_values(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are the same numbers in memory, as one that was detached of another is."""
    place = a.data_ptr()  # 0 where there is none, as of meta tensors
    return place != 0 and place == b.data_ptr() and a.shape == b.shape and a.stride() == b.stride()
