"""An objective's weight over training.

A position in a schedule (``begin``, ``until``, ``at``, ``milestones``) is a fraction of the whole training where it is
a float between 0 and 1, and a count of iterations (of epochs with ``by_epoch=True``) where it is an int. The weight is
a function of the runner's progress alone, so a resumed run continues with the weight that the uninterrupted run had.
"""
import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import List, Optional, Sequence, Union

from mmengine.logging import MessageHub
from mmpose.registry import TASK_UTILS

from mmpose_kd.errors import ConfigError, build, check_factor

Position = Union[int, float]


@dataclass(frozen=True)
class Progress:
    """How far training has come.

    Args:
        iteration (int): Iterations done.
        epoch (int): Epochs done.
        max_iters (int): Iterations of the whole training.
        max_epochs (int): Epochs of the whole training.
    """
    iteration: int = 0
    epoch: int = 0
    max_iters: int = 1
    max_epochs: int = 1

    @classmethod
    def of_runner(cls, message_hub: Optional[str] = None) -> 'Progress':
        """The progress of an MMEngine runner; that of a start where none runs.

        Args:
            message_hub (str, optional): Name of its message hub. Default: that which was made last, which may be of a
                runner that was built later, or somebody else's.
        """
        known = message_hub is not None and MessageHub.check_instance_created(message_hub)
        info = (MessageHub.get_instance(message_hub) if known else MessageHub.get_current_instance()).runtime_info
        return cls(
            int(info.get('iter', 0)), int(info.get('epoch', 0)), int(info.get('max_iters', 1)),
            int(info.get('max_epochs', 1)))


class WeightSchedule:
    """Base of all schedules: turns positions into one time axis.

    Args:
        by_epoch (bool): Whether the weight changes from epoch to epoch and int positions count epochs, rather than
            iterations. Default: False.
    """

    def __init__(self, by_epoch: bool = False) -> None:
        self.by_epoch = by_epoch

    def value(self, progress: Progress) -> float:
        """The weight at this point of training."""
        raise NotImplementedError

    def positions(self) -> List[Position]:
        """Where the weight changes."""
        return []

    def beyond(self, progress: Progress) -> List[str]:
        """The positions that this training ends before, such as '500 iterations'."""
        total, unit = self._total(progress), 'epochs' if self.by_epoch else 'iterations'
        return [f'{position} {unit}' for position in self.positions() if self._time(position, progress) > total]

    def _now(self, progress: Progress) -> int:
        return progress.epoch if self.by_epoch else progress.iteration

    def _total(self, progress: Progress) -> int:
        return progress.max_epochs if self.by_epoch else progress.max_iters

    def _time(self, position: Position, progress: Progress) -> float:
        if isinstance(position, float):
            return round(position * self._total(progress), 6)  # 0.55 of 100 epochs is 55
        return position


class _Ramp(WeightSchedule):
    """From one value to another between two positions."""

    def __init__(self,
                 start: float,
                 end: float,
                 begin: Position = 0.0,
                 until: Position = 1.0,
                 by_epoch: bool = False) -> None:
        super().__init__(by_epoch)
        for name, value in (('start', start), ('end', end)):
            check_factor(name, value)
        for name, position in (('begin', begin), ('until', until)):
            _check_position(position, name)
        _check_end(until, 'until', by_epoch)
        if isinstance(begin, float) == isinstance(until, float) and begin >= until:
            raise ConfigError(f'the schedule ends (until={until}) before it begins (begin={begin}).')
        self.start, self.end, self.begin, self.until = start, end, begin, until

    def positions(self) -> List[Position]:
        return [self.begin, self.until]

    def value(self, progress: Progress) -> float:
        begin, until = self._time(self.begin, progress), self._time(self.until, progress)
        if begin >= until:
            raise ConfigError(f'the schedule ends (until={self.until}) before it begins (begin={self.begin}) in a '
                              f'training of {progress.max_epochs} epochs and {progress.max_iters} iterations.')
        done = min(max((self._now(progress) - begin) / (until - begin), 0.0), 1.0)
        return self.start + (self.end - self.start) * self._shape(done)

    def _shape(self, done: float) -> float:
        raise NotImplementedError


@TASK_UTILS.register_module()
class Constant(WeightSchedule):
    """The same weight throughout; what a plain number in the config becomes.

    Args:
        value (float): The weight.
    """

    def __init__(self, value: float) -> None:
        super().__init__()
        check_factor('value', value)
        self._value = float(value)

    def value(self, progress: Progress) -> float:
        return self._value


@TASK_UTILS.register_module()
class Linear(_Ramp):
    """Linear from ``start`` to ``end``; DWPose (arXiv 2307.15880) decays so from 1 to 0 over the whole training.

    Args:
        start (float): Weight up to ``begin``.
        end (float): Weight from ``until`` on.
        begin (int | float): Position where the change begins. Default: 0.0.
        until (int | float): Position where it ends. Default: 1.0.
        by_epoch (bool): Count epochs, not iterations. Default: False.

    Raises:
        ConfigError: The schedule ends before it begins.

    Example:
        >>> weight = dict(type='Linear', start=1., end=0., begin=0.5)
    """

    def _shape(self, done: float) -> float:
        return done


@TASK_UTILS.register_module()
class Cosine(_Ramp):
    """Half a cosine wave from ``start`` to ``end``. Arguments and errors as in :class:`Linear`.

    Example:
        >>> weight = dict(type='Cosine', start=1., end=0., begin=0.5)
    """

    def _shape(self, done: float) -> float:
        return (1 - math.cos(math.pi * done)) / 2


@TASK_UTILS.register_module()
class GaussianRamp(_Ramp):
    r"""From ``start`` to ``end`` along half a Gaussian; OKDHP (Li et al., ICCV 2021) raises its weight so in 60 epochs.

    :math:`start + (end - start) \exp(-5 (1 - t)^2)` with t from 0 at ``begin`` to 1 at ``until`` (Laine and Aila, ICLR
    2017). At ``begin`` 0.7 % of the change has already happened, as published. Arguments and errors as in
    :class:`Linear`.

    Example:
        >>> weight = dict(type='GaussianRamp', start=0., end=2., until=60, by_epoch=True)
    """

    def _shape(self, done: float) -> float:
        return math.exp(-5 * (1 - done)**2)


@TASK_UTILS.register_module()
class MultiStep(WeightSchedule):
    """Multiply the weight by ``gamma`` at every milestone.

    Args:
        value (float): Weight before the first milestone.
        milestones (Sequence[int | float]): Rising positions.
        gamma (float): The factor. Default: 0.1.
        by_epoch (bool): Count epochs, not iterations. Default: False.

    Example:
        >>> weight = dict(type='MultiStep', value=1., milestones=[170, 200], by_epoch=True)
    """

    def __init__(self,
                 value: float,
                 milestones: Sequence[Position],
                 gamma: float = 0.1,
                 by_epoch: bool = False) -> None:
        super().__init__(by_epoch)
        check_factor('value', value)
        check_factor('gamma', gamma)
        for position in milestones:
            _check_position(position, 'milestones')
        self._value, self.milestones, self.gamma = value, milestones, gamma

    def positions(self) -> List[Position]:
        return list(self.milestones)

    def value(self, progress: Progress) -> float:
        times = sorted(self._time(m, progress) for m in self.milestones)
        return self._value * self.gamma**bisect_right(times, self._now(progress))


@TASK_UTILS.register_module()
class Stop(WeightSchedule):
    """A constant weight that ends: 0 from a position on, where the objective is no longer computed.

    Args:
        value (float): Weight before ``at``.
        at (int | float): Position of the end.
        by_epoch (bool): Count epochs, not iterations. Default: False.

    Example:
        >>> weight = dict(type='Stop', value=1., at=0.8)
    """

    def __init__(self, value: float, at: Position, by_epoch: bool = False) -> None:
        super().__init__(by_epoch)
        check_factor('value', value)
        _check_position(at, 'at')
        _check_end(at, 'at', by_epoch)
        self._value, self.at = value, at

    def positions(self) -> List[Position]:
        return [self.at]

    def value(self, progress: Progress) -> float:
        return 0.0 if self._now(progress) >= self._time(self.at, progress) else self._value


@TASK_UTILS.register_module()
class WarmUp(WeightSchedule):
    """Another schedule whose weight first rises linearly from 0; ReviewKD (arXiv 2104.09044) warms up so.

    Args:
        weight (float | dict): The schedule that is warmed up.
        until (int | float): Position where its full weight is reached.
        by_epoch (bool): Count epochs, not iterations. Default: False.

    Example:
        >>> weight = dict(type='WarmUp', weight=dict(type='Cosine', start=1., end=0.), until=500)
    """

    def __init__(self, weight: Union[float, dict], until: Position, by_epoch: bool = False) -> None:
        super().__init__(by_epoch)
        self.inner = build_schedule(weight, 'WarmUp.weight')
        _check_position(until, 'until')
        self.ramp = Linear(0.0, 1.0, begin=type(until)(0), until=until, by_epoch=by_epoch)

    def beyond(self, progress: Progress) -> List[str]:
        return self.ramp.beyond(progress) + self.inner.beyond(progress)

    def value(self, progress: Progress) -> float:
        return self.inner.value(progress) * self.ramp.value(progress)


def build_schedule(weight: Union[float, dict], where: str) -> WeightSchedule:
    """Build the schedule of a weight.

    Args:
        weight (float | dict): A number, or the config of a schedule.
        where (str): The place in the config that errors name.

    Returns:
        WeightSchedule: The schedule.

    Raises:
        ConfigError: Neither a number of at least 0 nor the config of a registered schedule.
    """
    if isinstance(weight, dict):
        schedule = build(TASK_UTILS, weight, where)
        if not isinstance(schedule, WeightSchedule):
            raise ConfigError(f'{where}: {type(schedule).__name__} is no weight schedule; use one of Constant, Linear, '
                              'Cosine, GaussianRamp, MultiStep, Stop, WarmUp.')
        return schedule
    try:
        return Constant(weight)
    except ConfigError as error:
        raise ConfigError(f'{where}: {error}') from None


def _check_position(position: Position, name: str) -> None:
    if isinstance(position, bool) or not isinstance(position, (int, float)) or not position >= 0:
        raise ConfigError(f'{name}={position!r}: expected an int of at least 0, or a fraction of the training as a '
                          'float between 0 and 1.')
    if isinstance(position, float) and position > 1:
        raise ConfigError(f'{name}={position!r}: a float is a fraction of the training between 0 and 1; write an int '
                          f'({round(position)}) to count iterations or epochs.')


def _check_end(position: Position, name: str, by_epoch: bool) -> None:
    """Refuse the int 1 where it is the first iteration, and hardly meant."""
    if isinstance(position, int) and position == 1 and not by_epoch:
        raise ConfigError(f'{name}=1: an int counts iterations, so that the schedule would end after the first. Write '
                          '1.0 for the end of the training.')
