"""What a tool is doing, and how long it will take."""
import math
from contextlib import contextmanager
from typing import Any, Iterator, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


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

    Args:
        items (Sequence): The items.
        what (str): What is done with them.

    Yields:
        Any: The items.
    """
    console = Console(stderr=True)
    if not console.is_terminal:  # rich before 14.3 draws an empty line with disable=True
        yield from items
        return
    with progress_bar(console, transient=True) as bar:
        yield from bar.track(items, description=f'{what:30}')


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
