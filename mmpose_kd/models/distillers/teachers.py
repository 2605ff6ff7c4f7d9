"""The teachers that a config names."""
from typing import Any, Dict, Optional, Type

from mmpose_kd.config import find_file
from mmpose_kd.errors import ConfigError, check_arguments
from mmpose_kd.models.objectives.base import STUDENT

from .cached_teacher import CachedTeacher
from .teacher import Teacher
from .teacher_config import check_teacher


def build_teacher(cfg: Dict[str, Any], **kwargs: Any) -> Teacher:
    """A teacher from its arguments: one with ``cache`` answers from there."""
    return _teacher_class(cfg)(**cfg, **kwargs)


def teacher_arguments(teacher: Optional[dict]) -> Dict[str, dict]:
    """Arguments of the teachers by name, checked as far as no file need be read.

    Args:
        teacher (dict, optional): ``model.teacher``: the arguments of one :class:`Teacher`, or, with ``cache``, of
            one :class:`CachedTeacher`; or those of several by name.

    Returns:
        dict[str, dict]: Arguments by name; a single teacher is named 'teacher'.

    Raises:
        ConfigError: An argument is misspelt, missing or of the wrong kind.
    """
    if teacher is None:
        return {}
    if not isinstance(teacher, dict) or not teacher:
        raise ConfigError(f'model.teacher: expected a dict with "config" and "checkpoint", got {teacher!r}.')
    named = [name for name, cfg in teacher.items() if isinstance(cfg, dict) and 'config' in cfg and name != 'config']
    if 'config' in teacher and named:
        raise ConfigError(f'model.teacher: "config" is that of a single teacher, and "{named[0]}" one of several; '
                          'expected either. Replace what a base config has by teacher=dict(_delete_=True, ...).')
    cfgs = {name: dict(cfg) for name, cfg in teachers_by_name(teacher).items()}
    if STUDENT in cfgs:
        raise ConfigError(f'model.teacher: the name "{STUDENT}" stands for the student\'s own record; choose another.')
    for name, cfg in cfgs.items():
        where = teacher_place(name, cfgs)
        check_arguments(_teacher_class(cfg), cfg, where, hidden=('taps', 'folder'))
        try:
            check_teacher(**cfg)
        except ConfigError as error:
            raise ConfigError(f'{where}: {error}') from None
    return cfgs


def teachers_by_name(teacher: Optional[dict]) -> Dict[str, dict]:
    """``model.teacher`` as a dict of teachers by name, whose values are those of the config."""
    if not teacher:
        return {}
    several = 'config' not in teacher and all(isinstance(v, dict) for v in teacher.values())
    return teacher if several else dict(teacher=teacher)


def absolute_paths(teacher: Optional[dict], folder: str) -> None:
    """Make the paths in ``model.teacher`` absolute, in place: those that exist relative to a config file's folder."""
    for cfg in teachers_by_name(teacher).values():
        for key in ('config', 'checkpoint'):
            if isinstance(cfg.get(key), str):
                cfg[key] = find_file(cfg[key], folder)


def teacher_place(name: str, teachers: Dict[str, dict]) -> str:
    """Where a teacher stands in the config, for an error."""
    return 'model.teacher' if list(teachers) == ['teacher'] else f'model.teacher.{name}'


def _teacher_class(cfg: Dict[str, Any]) -> Type[Teacher]:
    return CachedTeacher if 'cache' in cfg else Teacher
