"""What a teacher's head returned, in the student's keypoints, bins and cells."""
from dataclasses import dataclass
from typing import Any, List, Optional, Sequence, Tuple

import torch
from torch import Tensor

from mmpose_kd.models.constants import constant
from mmpose_kd.models.outputs import heatmaps_among, is_simdr, pixels_per_cell

from .alignment import Resize, resample


@dataclass(frozen=True)
class Translation:
    """From a teacher's outputs to those of a student.

    Args:
        resize (Resize): How the teacher's input is cut from the student's.
        indices (list[int], optional): For each of the student's keypoints the teacher's; None: the same.
        keypoints (int): The teacher's keypoints, as far as they have names.
        maps (int): Maps of each keypoint beside each other.
        udp (bool): Whether the teacher's first and last cell lie on the first and last pixel.
        student_udp (bool): Whether the student's do.
        sum_one (bool): Whether the sum of a heatmap is 1, which other sizes must not change. Default: False.
    """
    resize: Resize
    indices: Optional[List[int]]
    keypoints: int
    maps: int
    udp: bool
    student_udp: bool
    sum_one: bool = False

    def outputs(self, outputs: Any, student: Any) -> Any:
        """Outputs of a teacher's head with the student's keypoints and bins; of several entries, each.

        Args:
            outputs (Tensor | Sequence): Heatmaps (N, K, H, W), a list of such, or SimDR logits.
            student (Tensor | Sequence): What the student's head returned, whose sizes they take where its kind is the
                same.

        Returns:
            Tensor | Sequence: Nested as they were.
        """
        if is_simdr(outputs):
            wanted = student if is_simdr(student) else (None, None)
            return tuple(self._entry(logits, target, ((-1, axis), ))
                         for axis, (logits, target) in enumerate(zip(outputs, wanted)))
        if isinstance(outputs, (list, tuple)):
            return [self.outputs(x, student) for x in outputs]
        return self._entry(outputs, heatmaps_among(student), ((-1, 0), (-2, 1)))

    def _entry(self, value: Any, target: Optional[Tensor], axes: Sequence[Tuple[int, int]]) -> Any:
        """One tensor of the outputs with the student's keypoints, and as many bins as the target along each axis."""
        if not isinstance(value, Tensor):
            return value
        if self.indices is not None and value.dim() > 1 and value.shape[1] == self.maps * self.keypoints:
            indices = [self.maps * i + j for i in self.indices for j in range(self.maps)]
            value = value.index_select(1, constant(indices, value, torch.long))
        if target is not None and target.dim() == value.dim():
            before = value
            for dim, axis in axes:
                value = self._resample(value, dim, target.shape[dim], axis)
            if self.sum_one and value is not before:
                old, new = (x.sum((-2, -1), keepdim=True) for x in (before, value))
                value = value * (old / new.clamp_min(1e-12))
        return value

    def _resample(self, value: Tensor, dim: int, bins: int, axis: int) -> Tensor:
        resize = self.resize
        if bins == value.shape[dim] and resize.student == resize.teacher and self.udp == self.student_udp:
            return value
        indices = torch.arange(bins, device=value.device, dtype=torch.float32)
        pixels = indices * pixels_per_cell(resize.student[axis], bins, self.student_udp)
        positions = resize.to_teacher(pixels, axis) / pixels_per_cell(resize.teacher[axis], value.shape[dim], self.udp)
        return resample(value.transpose(dim, -1), positions).transpose(dim, -1)
