"""Images, folders and videos: read one after another, and written whole or not at all."""
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Optional, Tuple, Union

import cv2
import numpy as np

from mmpose_kd.errors import ConfigError
from mmpose_kd.files import IMAGES, part_of, remove

VIDEOS = ('.mp4', '.avi', '.mkv', '.mov', '.webm', '.m4v')


class Source:
    """An image, a folder of images or a video, as a sequence of named RGB images.

    Args:
        path (str | Path): The file or folder.

    Attributes:
        kind (str): 'image', 'folder' or 'video'.
        names (list[str]): File names of the images; of a video, nothing.
        count (int, optional): Number of images or frames; None where the video's file does not say.
        read (int): How many could be read so far.
        skipped (list[str]): Images of a folder that could not be read so far.

    Raises:
        ConfigError: There is no such file, it is neither image nor video, or the folder holds no image.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = Path(path).expanduser()
        self.read = 0
        self.skipped: List[str] = []
        self.names: List[str] = []
        self.fps = 0.0
        if self.path.is_dir():
            self.kind = 'folder'
            self.names = sorted(p.name for p in self.path.iterdir() if p.suffix.lower() in IMAGES and p.is_file())
            if not self.names:
                raise ConfigError(f'"{self.path}" holds no image ({", ".join(IMAGES)}).')
        elif not self.path.is_file():
            raise ConfigError(f'"{self.path}" does not exist. Give an image, a folder of images or a video.')
        elif self.path.suffix.lower() in IMAGES:
            self.kind, self.names = 'image', [self.path.name]
        elif self.path.suffix.lower() in VIDEOS:
            self.kind = 'video'
        else:
            raise ConfigError(f'"{self.path}" is neither an image ({", ".join(IMAGES)}) nor a video '
                              f'({", ".join(VIDEOS)}).')
        self.count: Optional[int] = self._open_video() if self.kind == 'video' else len(self.names)

    def has(self, name: str) -> bool:
        """Whether there is an image of a name, or a frame of a number."""
        if self.kind != 'video':
            return name in self.names
        return name.isdecimal() and str(int(name)) == name and (self.count is None or int(name) < self.count)

    def __iter__(self) -> Iterator[Tuple[str, np.ndarray]]:
        """Name, or number of the frame, and RGB image (H, W, 3) of each; what cannot be read in a folder is skipped."""
        self.read = 0
        for name, image in self._frames() if self.kind == 'video' else self._images():
            self.read += 1
            yield name, image

    def _images(self) -> Iterator[Tuple[str, np.ndarray]]:
        for name in self.names:
            path = self.path / name if self.kind == 'folder' else self.path
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if image is None:
                self.skipped.append(name)
            else:
                yield name, np.ascontiguousarray(image[..., ::-1])
        if len(self.skipped) == len(self.names):
            raise ConfigError(f'"{self.path}" cannot be read as an image: it is damaged or of another format.'
                              if self.kind == 'image' else f'no image in "{self.path}" can be read.')

    def _frames(self) -> Iterator[Tuple[str, np.ndarray]]:
        video = cv2.VideoCapture(str(self.path))
        number = 0
        while True:
            found, frame = video.read()
            if not found:
                break
            yield str(number), np.ascontiguousarray(frame[..., ::-1])
            number += 1
        video.release()
        if not number:
            raise ConfigError(f'"{self.path}" has no frame that can be read: it is damaged, or OpenCV lacks its codec.')

    def _open_video(self) -> Optional[int]:
        video = cv2.VideoCapture(str(self.path))
        if not video.isOpened():
            raise ConfigError(f'"{self.path}" cannot be opened as a video: it is damaged, or OpenCV lacks its codec.')
        self.fps = video.get(cv2.CAP_PROP_FPS) or 25.0
        count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        video.release()
        return count if count > 0 else None


class Output:
    """Where the pictures of a source go: :meth:`write` is called for each. Made by :func:`open_output`."""

    def __init__(self, source: Source, part: Path) -> None:
        self.source = source
        self.part = part
        self.video: Optional[cv2.VideoWriter] = None

    def write(self, name: str, picture: np.ndarray) -> None:
        """Write one picture.

        Args:
            name (str): What :class:`Source` called the image.
            picture (np.ndarray): RGB picture (H, W, 3); those of a video have one size.

        Raises:
            ConfigError: It cannot be written.
        """
        bgr = np.ascontiguousarray(picture[..., ::-1])
        if self.source.kind == 'video':
            bgr = cv2.copyMakeBorder(bgr, 0, bgr.shape[0] % 2, 0, bgr.shape[1] % 2, cv2.BORDER_REPLICATE)
            if self.video is None:
                code = 'MJPG' if self.part.suffix == '.avi' else 'mp4v'
                self.video = cv2.VideoWriter(
                    str(self.part), cv2.VideoWriter.fourcc(*code), self.source.fps, bgr.shape[1::-1])
            written = self.video.isOpened()
            self.video.write(bgr)
        else:
            path = self.part / name if self.source.kind == 'folder' else self.part
            written = cv2.imwrite(str(path), bgr)
        if not written:
            raise ConfigError(f'OpenCV cannot write "{self.part}": is there room, and a codec for this format?')

    def close(self) -> None:
        """Finish the video, if it is one."""
        if self.video is not None:
            self.video.release()


@contextmanager
def open_output(source: Source, out: str) -> Iterator[Output]:
    """Write the pictures of a source to a file or, for a folder of images, to a folder.

    They are moved into place when all are written: a failure leaves what was there before.

    Args:
        source (Source): What the pictures are of.
        out (str): The file or folder. Other files in the folder are kept.

    Raises:
        ConfigError: The output is the source itself, or its kind does not fit the source's.
    """
    target = Path(out).expanduser()
    if target.resolve() == source.path.resolve():
        raise ConfigError(f'the output "{target}" is the input itself: give another place.')
    if source.kind == 'folder':
        if target.exists() and not target.is_dir():
            raise ConfigError(f'the output "{target}" is a file; for a folder of images give a folder.')
        taken = next((name for name in source.names if (target / name).is_dir()), None)
        if taken is not None:
            raise ConfigError(f'the output "{target / taken}" is a folder, where a picture would be written: move it, '
                              'or give another place.')
    else:
        suffixes = ('.mp4', '.avi') if source.kind == 'video' else IMAGES
        if target.suffix.lower() not in suffixes or target.is_dir():
            raise ConfigError(f'the output "{target}" must be a file that ends in one of {", ".join(suffixes)}, since '
                              f'the input is {"a video" if source.kind == "video" else "an image"}.')
    part = part_of(target)
    try:
        (part if source.kind == 'folder' else part.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f'the output "{target}" cannot be written: {error}.') from None
    output = Output(source, part)
    try:
        yield output
        output.close()
        if source.kind == 'folder':
            target.mkdir(exist_ok=True)
            for path in part.iterdir():
                os.replace(path, target / path.name)
        else:
            os.replace(part, target)
    finally:
        output.close()
        remove(part)
