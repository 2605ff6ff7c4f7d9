"""Bring a teacher's view of a batch into the student's: pixels in, coordinates out."""
from dataclasses import dataclass
from typing import Tuple

import torch
import torch.nn.functional as F
from mmengine.model import ImgDataPreprocessor
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from torch import Tensor, nn


@dataclass(frozen=True)
class Resize:
    """How the teacher's input is cut from the student's: resized to fit, and padded where the aspect ratio differs.

    A point at ``p`` pixels in the student's input lies at ``scale * (p + 0.5) - 0.5 + offset`` in the teacher's.

    Args:
        student (tuple[int, int]): Student's input size (w, h) in pixels.
        teacher (tuple[int, int]): Teacher's input size (w, h) in pixels.
    """
    student: Tuple[int, int]
    teacher: Tuple[int, int]

    @property
    def content(self) -> Tuple[int, int]:
        """Size (w, h) of the student's image inside the teacher's input."""
        factor = min(t / s for s, t in zip(self.student, self.teacher))
        width, height = (max(1, round(s * factor)) for s in self.student)
        return width, height

    @property
    def offset(self) -> Tuple[int, int]:
        """Where the student's image begins inside the teacher's input (x, y)."""
        x, y = ((t - c) // 2 for t, c in zip(self.teacher, self.content))
        return x, y

    def images(self, inputs: Tensor, preprocessor: nn.Module) -> Tensor:
        """Student's inputs (N, 3, h, w) as the teacher's (N, 3, H, W), with borders of what is :func:`black` to its
        data preprocessor."""
        if self.student == self.teacher:
            return inputs
        (w, h), (left, top) = self.content, self.offset
        inputs = F.interpolate(inputs, size=(h, w), mode='bilinear', align_corners=False, antialias=h < inputs.shape[2])
        right, bottom = self.teacher[0] - w - left, self.teacher[1] - h - top
        if not any((left, right, top, bottom)):
            return inputs
        border = black(preprocessor, inputs)
        return F.pad(inputs - border, (left, right, top, bottom)) + border

    def to_teacher(self, points: Tensor, axis: int) -> Tensor:
        """Student's coordinates along an axis (0: x, 1: y) as the teacher's, in pixels."""
        if self.student == self.teacher:
            return points
        return self._scale(axis) * (points + 0.5) - 0.5 + self.offset[axis]

    def to_student(self, points, axis: int):
        """Teacher's coordinates along an axis (0: x, 1: y) as the student's, in pixels."""
        if self.student == self.teacher:
            return points
        return (points - self.offset[axis] + 0.5) / self._scale(axis) - 0.5

    def _scale(self, axis: int) -> float:
        return self.content[axis] / self.student[axis]


@dataclass(frozen=True)
class Cells:
    """Where the cells or bins of a teacher's outputs lie, and on which scale its logits are.

    Args:
        resize (Resize): How the input that they cover is cut from the student's.
        udp (bool): Whether the first and last one lie on the first and last pixel, as ``UDPHeatmap`` has it.
        beta (float): What its logits are multiplied by in the softmax that it is trained for, as RTMPose's by 10.
            Default: 1.
    """
    resize: Resize
    udp: bool
    beta: float = 1.0


def same_images(student: nn.Module, teacher: nn.Module) -> bool:
    """Whether two data preprocessors (PoseDataPreprocessor) normalise images in the same way."""
    like = torch.empty(0)
    return _swaps_channels(student) == _swaps_channels(teacher) and all(
        torch.equal(*pair) for pair in zip(_mean_std(student, like), _mean_std(teacher, like)))


def black(preprocessor: nn.Module, like: Tensor) -> Tensor:
    """What a data preprocessor makes of the black that MMPose fills an image with where a crop reaches beyond it."""
    mean, std = _mean_std(preprocessor, like)
    return -mean / std


def renormalise(inputs: Tensor, student: nn.Module, teacher: nn.Module) -> Tensor:
    """Images as the student's data preprocessor normalised them, as the teacher's would have.

    Args:
        inputs (Tensor): Images (N, 3, H, W) from the student's preprocessor.
        student (PoseDataPreprocessor): The student's preprocessor.
        teacher (PoseDataPreprocessor): The teacher's.

    Returns:
        Tensor: Images (N, 3, H, W) for the teacher.
    """
    (mean_s, std_s), (mean_t, std_t) = _mean_std(student, inputs), _mean_std(teacher, inputs)
    raw = inputs * std_s + mean_s
    if _swaps_channels(student) != _swaps_channels(teacher):
        raw = raw.flip(1)
    return (raw - mean_t) / std_t


def resample(values: Tensor, positions: Tensor) -> Tensor:
    """Values along the last axis at fractional positions, linearly interpolated; the ends are held.

    Args:
        values (Tensor): (..., L).
        positions (Tensor): Positions in bins of ``values`` (M, ).

    Returns:
        Tensor: (..., M).
    """
    positions = positions.clamp(0, values.shape[-1] - 1)
    low = positions.floor().long()
    high = (low + 1).clamp(max=values.shape[-1] - 1)
    return torch.lerp(values[..., low], values[..., high], (positions - low).to(values.dtype))


def _swaps_channels(preprocessor: nn.Module) -> bool:
    return isinstance(preprocessor, ImgDataPreprocessor) and preprocessor._channel_conversion


def _mean_std(preprocessor: PoseDataPreprocessor, like: Tensor) -> Tuple[Tensor, Tensor]:
    if isinstance(preprocessor, ImgDataPreprocessor) and preprocessor._enable_normalize:
        return preprocessor.mean.to(like), preprocessor.std.to(like)
    return like.new_zeros(1), like.new_ones(1)
