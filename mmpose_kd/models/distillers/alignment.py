"""Bring a teacher's view of a batch into the student's: pixels in, keypoints and coordinates out."""
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import ImgDataPreprocessor
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError


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
    """Where the cells or bins of a teacher's outputs lie.

    Args:
        resize (Resize): How the input that they cover is cut from the student's.
        udp (bool): Whether the first and last one lie on the first and last pixel, as ``UDPHeatmap`` has it.
    """
    resize: Resize
    udp: bool


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


def bins_to_pixels(bins: Tensor, num_bins: int, size: int, udp: bool = False) -> Tensor:
    """Centres of SimDR bins or heatmap cells, in pixels of the input.

    Args:
        bins (Tensor): Bin indices.
        num_bins (int): Bins along this axis.
        size (int): Input size along this axis in pixels.
        udp (bool): Whether the codec maps the first and last bin to the first and last pixel, as ``UDPHeatmap`` does.
    """
    return bins * ((size - 1) / (num_bins - 1) if udp else size / num_bins)


def pixels_to_bins(pixels: Tensor, num_bins: int, size: int, udp: bool = False) -> Tensor:
    """The inverse of :func:`bins_to_pixels`."""
    return pixels * ((num_bins - 1) / (size - 1) if udp else num_bins / size)


def parse_metainfo(metainfo: Optional[dict]) -> Optional[dict]:
    """A dataset's metainfo in parsed form, with ``keypoint_id2name`` and ``flip_indices``.

    Args:
        metainfo (dict, optional): ``dataset.metainfo``, or what ``parse_pose_metainfo`` takes.

    Returns:
        dict | None: None where the metainfo names no keypoints.
    """
    if not metainfo or 'keypoint_id2name' in metainfo:
        return metainfo or None
    if 'from_file' not in metainfo and 'keypoint_info' not in metainfo:
        return None
    return parse_pose_metainfo(dict(metainfo))


def keypoint_names(metainfo: Optional[dict]) -> Optional[List[str]]:
    """The keypoints' names in order, from a parsed metainfo; None where there is none."""
    if not metainfo:
        return None
    names = {int(k): v for k, v in metainfo['keypoint_id2name'].items()}
    return [names[i] for i in sorted(names)]


def map_keypoints(student: Sequence[str], teacher: Sequence[str]) -> List[int]:
    """For each of the student's keypoints, the index of the teacher's keypoint of the same name.

    Raises:
        ConfigError: The teacher lacks a keypoint of the student's.
    """
    missing = [name for name in student if name not in teacher]
    if missing:
        raise ConfigError(f'the teacher has no keypoint named {", ".join(map(repr, missing))}. The student has '
                          f'{", ".join(student)}; the teacher has {", ".join(teacher)}. Use a teacher that was trained '
                          'on these keypoints, or give its own names by teacher.metainfo.')
    return [list(teacher).index(name) for name in student]


def check_mirrored(student: Sequence[str], mirror: Optional[Sequence[int]], teacher: Sequence[str],
                   teacher_mirror: Optional[Sequence[int]], indices: Sequence[int]) -> None:
    """Refuse keypoints of the same names that have other mirror images, as numbered ones of different faces have.

    Args:
        student (Sequence[str]): Names of the student's keypoints.
        mirror (Sequence[int], optional): Their mirror images; None where that is unknown.
        teacher (Sequence[str]): Names of the teacher's keypoints.
        teacher_mirror (Sequence[int], optional): Their mirror images.
        indices (Sequence[int]): For each of the student's keypoints the teacher's, by :func:`map_keypoints`.

    Raises:
        ConfigError: Names the first.
    """
    if mirror is None or teacher_mirror is None:
        return
    for i, (other, theirs) in enumerate(zip(mirror, (teacher_mirror[index] for index in indices))):
        unknown = other == i or theirs == indices[i]  # on the middle line, or nobody has said which it is
        if not unknown and indices[other] != theirs:
            raise ConfigError(f'the mirror image of the keypoint "{student[i]}" is "{student[other]}" in the student\'s'
                              f' data and "{teacher[theirs]}" in the teacher\'s: these are other keypoints of the same '
                              'names. Use a teacher that was trained on these keypoints, or give names that tell them '
                              'apart by teacher.metainfo.')


def _swaps_channels(preprocessor: nn.Module) -> bool:
    return isinstance(preprocessor, ImgDataPreprocessor) and preprocessor._channel_conversion


def _mean_std(preprocessor: PoseDataPreprocessor, like: Tensor) -> Tuple[Tensor, Tensor]:
    if isinstance(preprocessor, ImgDataPreprocessor) and preprocessor._enable_normalize:
        return preprocessor.mean.to(like), preprocessor.std.to(like)
    return like.new_zeros(1), like.new_ones(1)
