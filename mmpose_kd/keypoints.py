"""What a set of data says of its keypoints: their names, and which are mirror images."""
import re
from typing import Iterator, List, Optional, Sequence

from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from .errors import ConfigError
from .parts import class_of

_NUMBERED = re.compile(r'\D*\d+$')  # such as kpt-36


def dataset_metas(cfg: Config) -> Iterator[dict]:
    """The metainfo of each set of data that a config names, raw: to test, to validate and to train on.

    That of a ``ConcatDataset`` is, as in MMEngine, that of the first of its parts.
    """
    for loader in ('test_dataloader', 'val_dataloader', 'train_dataloader'):
        dataset = (cfg.get(loader) or {}).get('dataset')
        while dataset is not None:
            metainfo = dataset.get('metainfo') or _meta_of_class(dataset)
            if metainfo:
                yield metainfo
                break
            dataset = dataset.get('dataset') or next(iter(dataset.get('datasets') or ()), None)  # of several the first


def _meta_of_class(dataset: dict) -> Optional[dict]:
    kind = class_of(DATASETS, dataset)
    if hasattr(kind, '_check_subset_and_metainfo'):  # DeepFashionDataset: that of its subset, known when it is built
        kind._check_subset_and_metainfo(dataset.get('subset', ''))
    return getattr(kind, 'METAINFO', None)


def dataset_meta(cfg: Config) -> Optional[dict]:
    """The first of :func:`dataset_metas`; None where a config names none."""
    return next(dataset_metas(cfg), None)


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
                          'on these keypoints, or give its own names by teacher.metainfo. Features alone, as '
                          'FeatureObjective compares them, need no keypoints in common.')
    return [list(teacher).index(name) for name in student]


def check_same_keypoints(student: Sequence[str], mirror: Optional[Sequence[int]], teacher: Sequence[str],
                   teacher_mirror: Optional[Sequence[int]], indices: Sequence[int]) -> None:
    """Refuse other keypoints of the same names: with other mirror images, or numbered ones of which one side has more.

    Args:
        student (Sequence[str]): Names of the student's keypoints.
        mirror (Sequence[int], optional): Their mirror images; None where that is unknown.
        teacher (Sequence[str]): Names of the teacher's keypoints.
        teacher_mirror (Sequence[int], optional): Their mirror images.
        indices (Sequence[int]): For each of the student's keypoints the teacher's, by :func:`map_keypoints`.

    Raises:
        ConfigError: Names the first whose mirror image is another, or how many there are.
    """
    advice = (': these are other keypoints of the same names. Use a teacher that was trained on these keypoints, or '
              'give names that tell them apart by teacher.metainfo.')
    if mirror is not None and teacher_mirror is not None:
        for i, (other, theirs) in enumerate(zip(mirror, (teacher_mirror[index] for index in indices))):
            unknown = other == i or theirs == indices[i]  # on the middle line, or nobody has said which it is
            if not unknown and indices[other] != theirs:
                raise ConfigError(f'the mirror image of the keypoint "{student[i]}" is "{student[other]}" in the '
                                  f'student\'s data and "{teacher[theirs]}" in the teacher\'s{advice}')
    if len(student) != len(teacher) and all(map(_NUMBERED.match, [*student, *teacher])):
        raise ConfigError(f'the {len(student)} keypoints of the student and the {len(teacher)} of the teacher have '
                          f'numbers for names{advice}')
