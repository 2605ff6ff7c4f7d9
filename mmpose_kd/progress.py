"""What a tool is doing, and how long it will take."""
import math
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Iterator, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

SECONDS_A_LINE = 60  # where no bar is drawn


def progress_bar(console: Console, *columns: ProgressColumn, **kwargs: Any) -> Progress:
    """A bar with what is done and what there is to do, the time so far, and the time left.

    The time left is that of the mean speed so far: rich's own, of the last 30 seconds, knows nothing of a step that
    takes longer.

    Args:
        console (Console): Where it is drawn.
        columns (ProgressColumn): Further columns, on the right.
        kwargs: Arguments of ``rich.progress.Progress``.

    Returns:
        Progress: The bar, whose tasks are to be added.
    """
    kwargs.setdefault('speed_estimate_period', math.inf)
    return Progress(TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                    TextColumn('left'), TimeRemainingColumn(), *columns, console=console, **kwargs)


def track(items: Sequence[Any], what: str) -> Iterator[Any]:
    """The items one by one, while a bar on the standard error stream shows how many are done and the time left.

    Where that stream is a file, no bar is drawn, but a line is written every minute.

    Args:
        items (Sequence): The items.
        what (str): What is done with them.

    Yields:
        Any: The items.
    """
    console = Console(stderr=True)
    bar = progress_bar(console, transient=True)
    if console.is_terminal:
        with bar:
            yield from bar.track(items, description=f'{what:30}')
        return
    bar.add_task(what, total=len(items))  # of a bar that is never started, so that nothing is drawn
    task, = bar.tasks
    said = time.monotonic()
    for item in items:
        yield item
        bar.advance(task.id)
        if time.monotonic() - said >= SECONDS_A_LINE:
            said = time.monotonic()
            console.print(state_line(task), markup=False, soft_wrap=True)


def state_line(task: Task) -> str:
    """What a bar shows of a task, as a line: what is done, what there is to do, and the time left, if it is known."""
    left = task.time_remaining
    return f'{task.description}: {task.completed:.0f} of {task.total:.0f}' + (
        '' if left is None else f', {timedelta(seconds=round(left))} left')


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
