"""What an export is doing, and how long it will take: drawn on a terminal, by the standard error stream."""
from contextlib import contextmanager
from typing import Any, Iterable, Iterator, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def track(items: Sequence[Any], what: str) -> Iterable[Any]:
    """The items one by one, while a bar shows how many are done and the time that the others will take.

    Args:
        items (Sequence): The items.
        what (str): What is done with them.

    Returns:
        Iterable: The items.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        return items
    bar = Progress(TextColumn('{task.description:30}'), BarColumn(), MofNCompleteColumn(), TextColumn('left'),
                   TimeRemainingColumn(), console=console, transient=True)
    return _tracked(bar, items, what)


def _tracked(bar: Progress, items: Sequence[Any], what: str) -> Iterator[Any]:
    with bar:
        yield from bar.track(items, description=what)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show the time that something takes of which no part can be counted."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with Progress(SpinnerColumn(), TextColumn('{task.description:28}'), TimeElapsedColumn(), console=console,
                  transient=True) as shown:
        shown.add_task(what, total=None)
        yield
