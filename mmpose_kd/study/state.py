"""What a training of a study leaves in its folder, and whether it is what the study file says now."""
import json
import os
import re
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List

from mmpose_kd.errors import ConfigError
from mmpose_kd.files import take_lock

from .plan import Run, checksums


def state_of(run: Run, out: Path) -> dict:
    """What is known of a run: hash, files, finished, seconds, peak_memory_mb, machines, commits, versions.

    Raises:
        ConfigError: Its file is damaged.
    """
    file = out / run.folder / 'state.json'
    if not file.is_file():
        return {}
    try:
        state = json.loads(file.read_text())
        if not isinstance(state, dict) or not state.get('hash'):
            raise ValueError('it names no config')
    except ValueError as error:
        raise ConfigError(f'"{file}" does not hold what the study keeps of a run ({error}). Delete the folder '
                          f'"{file.parent}" to train it anew.') from None
    return state


def checkpoint_of(run: Run, out: Path) -> Path:
    """The last checkpoint of a finished run."""
    return out / run.folder / f'epoch_{run.epochs}.pth'


def saved_epochs(folder: Path) -> List[int]:
    """Epochs of which a run has a checkpoint."""
    numbers = (re.fullmatch(r'epoch_(\d+)\.pth', file.name) for file in folder.glob('epoch_*.pth'))
    return [int(number[1]) for number in numbers if number]  # others are copies, or published


@contextmanager
def lock(folder: Path) -> Iterator[int]:
    """A descriptor that one training at a time can have, for as long as it or one of its workers lives.

    Raises:
        ConfigError: Another process has it, or the file system has no locks.
    """
    descriptor = os.open(folder / 'lock', os.O_CREAT | os.O_RDWR)
    try:
        if not take_lock(descriptor, folder):
            raise ConfigError(f'another process trains in {folder} already; wait for it, or end it.')
        yield descriptor
    finally:
        os.close(descriptor)


def files_of(run: Run, out: Path) -> Dict[str, str]:
    """Checksums of the files that a run depends on, and of what other runs left it, as far as they exist."""
    left = {f'checkpoint of "{need.name}"': checkpoint_of(need, out) for need in run.needs}
    return {**run.files(), **checksums(left)}


def difference(run: Run, out: Path) -> str:
    """What was another when a run was trained: its config, or a file of that name; empty where nothing was.

    Of a run that ended before its first checkpoint nothing is kept.
    """
    return differs(state_of(run, out), run, out) if _left_something(run, out) else ''


def differs(state: dict, run: Run, out: Path) -> str:
    """The same of what is known of a run, which :func:`state_of` returned or ``results.json`` has kept."""
    stored = state.get('files', {})
    for name, checksum in files_of(run, out).items():
        if stored.get(name, checksum) != checksum:
            return f'{name} of that name' if name in run.files() else name
    now = run.hash()
    return '' if state.get('hash', now) == now else f'config: {state["hash"]}, now {now}'


def orphaned(run: Run, out: Path) -> str:
    """Which of the runs whose checkpoints a run was trained with would be trained anew; empty where none would."""
    anew = [need.name for need in run.needs if not state_of(need, out).get('finished')]
    return anew[0] if anew and _left_something(run, out) else ''


def _left_something(run: Run, out: Path) -> bool:
    return state_of(run, out).get('finished', False) or bool(saved_epochs(out / run.folder))


def check_same(run: Run, out: Path) -> None:
    """Refuse what another config or other weights left.

    Raises:
        ConfigError: The run was trained with another config, or with another file under the same name.
    """
    other = difference(run, out)
    if other:
        raise ConfigError(f'{out / run.folder} was trained with another {other}. Choose another folder, or --redo to '
                          'move it aside and train it anew.')


def move_aside(run: Run, out: Path) -> None:
    """Give the folder of a run another name.

    Raises:
        ConfigError: Another process trains in it.
    """
    folder = out / run.folder
    with lock(folder):  # a training outlives a study that is killed
        folder.rename(folder.with_name(f'{folder.name}.{state_of(run, out)["hash"]}.{int(time.time())}'))
