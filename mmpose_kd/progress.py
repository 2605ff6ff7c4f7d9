"""What a tool is doing, and how long it will take."""
import math
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Callable, Iterator, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

SECONDS_A_LINE = 60  # where no bar can be drawn


class Bar(Progress):
    """A bar in a terminal; a line a minute where the console is a file, into which rich draws nothing until the end."""

    def __init__(self, *columns: ProgressColumn, **kwargs: Any) -> None:
        super().__init__(*columns, **kwargs)
        self._said = time.monotonic()

    def start(self) -> None:
        if self.console.is_terminal:
            super().start()

    def stop(self) -> None:
        if self.console.is_terminal:
            super().stop()

    def add_task(self, *args: Any, **kwargs: Any) -> TaskID:
        task = super().add_task(*args, **kwargs)
        super().advance(task, 0)  # rich would take the time from the first step that ended
        return task

    def update(self, task_id: TaskID, **kwargs: Any) -> None:
        super().update(task_id, **kwargs)
        self._say(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        self._say(task_id)

    def _say(self, task_id: TaskID) -> None:
        if self.console.is_terminal or time.monotonic() - self._said < SECONDS_A_LINE:
            return
        self._said = time.monotonic()
        task = next(task for task in self.tasks if task.id == task_id)
        total = '' if task.total is None else f' of {task.total:.0f}'
        left = '' if task.time_remaining is None else f', {timedelta(seconds=round(task.time_remaining))} left'
        self.console.print(f'{task.description.strip()}: {task.completed:.0f}{total}{left}', markup=False,
                           highlight=False, soft_wrap=True)


def progress_bar(console: Console, **kwargs: Any) -> Bar:
    """A bar with what is done and what there is to do, the time so far, and the time left.

    The time left is that of the mean speed since the task was added: rich's own, of the last 30 seconds, knows nothing
    of a step that takes longer.

    Args:
        console (Console): Where it is drawn.
        kwargs: Arguments of ``rich.progress.Progress``.

    Returns:
        Bar: The bar, whose tasks are to be added.
    """
    return Bar(TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn('left'), TimeRemainingColumn(), console=console, speed_estimate_period=math.inf, **kwargs)


@contextmanager
def counting(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """A bar on the standard error stream that shows how many of a number are done and the time left.

    Args:
        total (int): The number.
        what (str): What is done with them.

    Yields:
        Callable[[int], None]: To be called with how many more are done.
    """
    with progress_bar(Console(stderr=True), transient=True) as bar:
        yield partial(bar.advance, bar.add_task(f'{what:30}', total=total))


def track(items: Sequence[Any], what: str) -> Iterator[Any]:
    """The items one by one, while such a bar counts them.

    Args:
        items (Sequence): The items.
        what (str): What is done with them.

    Yields:
        Any: The items.
    """
    with counting(len(items), what) as done:
        for item in items:
            yield item
            done(1)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show, on the standard error stream, the time that something takes of which no part can be counted."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with Progress(SpinnerColumn(), TextColumn('{task.description:28}'), TimeElapsedColumn(), console=console,
                  transient=True) as shown:
        shown.add_task(what, total=None)
        yield
