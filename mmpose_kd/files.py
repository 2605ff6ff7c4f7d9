"""Files that are written whole or not at all, and those that are images."""
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

IMAGES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Another name to write to, which becomes that of the file when all is written, and goes away otherwise.

    Args:
        file (Path): The file, which keeps what it holds until then.

    Returns:
        Iterator[Path]: The name to write to, in the same folder and with the same ending.
    """
    part = file.with_name(f'.{file.stem}.{os.getpid()}.part{file.suffix}')
    part.unlink(missing_ok=True)  # of a process of that number that was killed, or a link
    try:
        yield part
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
