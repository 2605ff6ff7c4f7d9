"""Files and folders that are written whole or not at all, and files that are images."""
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

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
    remove(part)  # of a process of that number that was killed, or a link
    try:
        yield part
        os.replace(part, path)
    finally:
        remove(part)


def part_of(path: Path) -> Path:
    """The name of a file or folder of this process while it is not whole: hidden, with the same ending."""
    return path.with_name(f'.{path.stem}.{os.getpid()}.part{path.suffix}')


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that it holds, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
