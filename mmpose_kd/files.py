"""Files and folders that are written whole or not at all, and files that are images."""
import fcntl
import glob
import os
import shutil
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

from .errors import ConfigError

IMAGES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Another name to write to, which becomes that of the file or folder when all is written, and goes away otherwise.

    Args:
        path (Path): The file, which keeps what it holds until then, or a folder that does not exist yet.

    Returns:
        Iterator[Path]: The name to write to, in the same folder and with the same ending.
    """
    part = part_of(path)
    try:
        yield part
        os.replace(part, path)
    finally:
        remove(part)


def part_of(path: Path) -> Path:
    """A new name for a file or folder while it is not whole: hidden, with the same ending.

    It is a random one, since processes of other machines that share the folder may have this one's number.
    """
    return path.with_name(f'.{path.stem}.{uuid.uuid4().hex[:12]}.part{path.suffix}')


def parts_of(path: Path) -> List[Path]:
    """What processes that were killed, or that still write, have of a file under names of :func:`part_of`."""
    return sorted(path.parent.glob(f'.{glob.escape(path.stem)}.*.part{path.suffix}'))


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that it holds, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def take_lock(descriptor: int, place: Path) -> bool:
    """Take the lock of an open file, for as long as a process has it open.

    Args:
        descriptor (int): The open file.
        place (Path): What the error calls it.

    Returns:
        bool: False where another process has it.

    Raises:
        ConfigError: The file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise ConfigError(f'"{place}" cannot be locked ({error.strerror}), which keeps two processes from writing the '
                          'same files. Choose a folder on a file system with locks, such as a local disk.') from None
    return True
