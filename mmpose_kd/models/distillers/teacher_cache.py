"""A teacher's answers on disk."""
import json
import math
import resource
import zlib
from itertools import accumulate
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from mmpose_kd.config import digest_of
from mmpose_kd.errors import ConfigError, make_folder
from mmpose_kd.files import parts_of, remove, whole

FORMAT = 3
SHARD = 2048  # views in a file
# Files that a process keeps open: a quarter of those that it may, and fewer than the system lets it map.
OPEN = min(8192, max(64, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4))


class TeacherCache:
    """Rows of numbers by the number of a view, in memory-mapped files of 2048 views each.

    ``cache.json`` says what was stored: the fields with their shapes, the dtype, and of what. Beside each shard
    ``00007.npy``, ``00007.json`` holds the shard's number and bytes, a digest of what ``cache.json`` says, and the
    checksum of each view; it is written last, so that a shard without it was not finished and is made again, as is one
    of another cache or of another size. A view is checked whenever it is read.

    Args:
        folder (str): The folder.

    Raises:
        ConfigError: There is no cache, or one of another format.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder).expanduser()
        if not (self.folder / 'cache.json').is_file():
            raise ConfigError(f'cache="{folder}" does not exist. Make it: mim run mmpose_kd cache CONFIG')
        meta = _read_json(self.folder / 'cache.json', 'fields', 'count', 'dtype', 'source')
        if meta is None:
            raise ConfigError(f'{self.folder}/cache.json is damaged: it lacks what this package writes there. Remove '
                              'the cache and make it anew: mim run mmpose_kd cache CONFIG')
        self.meta = meta
        if self.meta.get('format') != FORMAT:
            raise ConfigError(f'cache="{folder}" has the format {self.meta.get("format")!r}, expected {FORMAT}. Remove '
                              'it and make it anew.')
        self.fields: Dict[str, List[int]] = self.meta['fields']
        self._digest = digest_of(self.meta)
        ends = [0, *accumulate(math.prod(shape) for shape in self.fields.values())]
        self._columns = dict(zip(self.fields, map(slice, ends, ends[1:])))
        self._root = self.folder.resolve()
        self._open: Dict[int, np.ndarray] = {}
        self._checksums: Dict[int, np.ndarray] = {}

    @staticmethod
    def create(folder: str, fields: Mapping[str, Sequence[int]], count: int, source: Dict[str, Any],
               dtype: str = 'float16') -> 'TeacherCache':
        """Begin a cache, or go on with one of the same source.

        Args:
            folder (str): The folder.
            fields (dict[str, Sequence[int]]): Shape of each field, without the batch.
            count (int): Number of views.
            source (dict): What was stored; see :meth:`check`.
            dtype (str): NumPy's name of the numbers' type. Default: 'float16'.

        Raises:
            ConfigError: The folder has a cache of something else.
        """
        meta = dict(format=FORMAT, fields={name: list(shape) for name, shape in fields.items()}, count=count,
                    dtype=dtype, source=source)
        file = Path(folder).expanduser() / 'cache.json'
        if file.is_file():
            cache = TeacherCache(folder)
            cache.check(source)
            if cache.meta != json.loads(json.dumps(meta)):
                raise ConfigError(f'cache="{folder}" has other fields ({", ".join(cache.fields)}), dtype or views. '
                                  'Remove it and make it anew.')
            return cache
        make_folder(file.parent, 'cache')
        with whole(file) as part:
            part.write_text(json.dumps(meta, indent=1))
        return TeacherCache(folder)

    def check(self, source: Dict[str, Any]) -> None:
        """Refuse a cache of something else.

        Args:
            source (dict): What the training needs, by part: such as ``teacher`` and ``data``.

        Raises:
            ConfigError: A part differs; names it.
        """
        stored = self.meta['source']
        for part, value in json.loads(json.dumps(source)).items():
            if stored.get(part) != value:
                keys = [k for k in value if stored.get(part, {}).get(k) != value[k]]
                raise ConfigError(f'cache="{self.folder}" is stale: its {part} is another, in {", ".join(keys)}. '
                                  'Make another cache for this config, or go back to the config of this one.')

    def check_complete(self) -> None:
        """Refuse a cache of which a file is missing, cut off or not its own.

        Raises:
            ConfigError: Names the first.
        """
        for shard in range(self.shards()):
            self._check_finished(shard)

    def view_bytes(self) -> int:
        """Bytes of a view."""
        return self._numbers() * np.dtype(self.meta['dtype']).itemsize

    def shards(self) -> int:
        """Number of files."""
        return -(-self.meta['count'] // SHARD)

    def views_of(self, shard: int) -> range:
        """The views of a file."""
        return range(shard * SHARD, min((shard + 1) * SHARD, self.meta['count']))

    def finished(self, shard: int) -> bool:
        """Whether a file is written, whole, for this cache and this place in it."""
        return not self._index(shard)[1]

    def write(self, shard: int, batches: Iterable[Dict[str, np.ndarray]]) -> None:
        """Write a file, and remove what a process that was killed while it wrote it has left.

        The caller holds the file's lock, so that nobody else is writing it.

        Args:
            shard (int): Which.
            batches (Iterable[dict[str, np.ndarray]]): Batches of each field (views, ...), together those of
                :meth:`views_of` in their order.

        Raises:
            ConfigError: A number is NaN or infinite, or does not fit the dtype, or the disk is full.
        """
        stored = np.empty((len(self.views_of(shard)), self._numbers()), self.meta['dtype'])
        start = 0
        for batch in batches:
            end = start + len(next(iter(batch.values())))
            self._fill(stored[start:end], batch)
            start = end
        assert start == len(stored), f'{start} of {len(stored)} views were given'
        try:
            for part in parts_of(self.file(shard, 'npy')) + parts_of(self.file(shard, 'json')):
                remove(part)
            self.file(shard, 'json').unlink(missing_ok=True)  # of a file that is replaced
            with whole(self.file(shard, 'npy')) as part:
                np.save(part, stored)
            index = dict(cache=self._digest, shard=shard, bytes=self.file(shard, 'npy').stat().st_size,
                         crc32=[zlib.crc32(row) for row in stored])
            with whole(self.file(shard, 'json')) as part:
                part.write_text(json.dumps(index))
        except OSError as error:
            raise ConfigError(f'cache="{self.folder}": file {shard} of {self.shards()} cannot be written: '
                              f'{error.strerror or error}. Make room and give the same command again, or make a cache '
                              'of fewer views (num_views).') from None

    def read(self, views: Sequence[int], names: Optional[Sequence[str]] = None) -> Dict[str, np.ndarray]:
        """Fields of some views.

        Args:
            views (Sequence[int]): Their numbers.
            names (Sequence[str], optional): Which fields; a view is checked as a whole, whichever. Default: all.

        Returns:
            dict[str, np.ndarray]: Of each field (len(views), ...), in the dtype in which they are stored.

        Raises:
            ConfigError: A view is not stored, or a file is damaged.
        """
        names = list(self.fields) if names is None else names
        values = {name: np.empty((len(views), *self.fields[name]), self.meta['dtype']) for name in names}
        for place, view in enumerate(views):
            row = self._row(*divmod(view, SHARD))
            for name in names:
                values[name][place] = row[self._columns[name]].reshape(self.fields[name])
        return values

    def _numbers(self) -> int:
        return sum(math.prod(shape) for shape in self.fields.values())

    def _fill(self, rows: np.ndarray, batch: Dict[str, np.ndarray]) -> None:
        with np.errstate(over='ignore'):
            np.concatenate([batch[name].reshape(len(rows), -1) for name in self.fields], 1, rows, casting='same_kind')
        if np.isfinite(rows).all():
            return
        if not all(np.isfinite(value).all() for value in batch.values()):
            raise ConfigError("NaN or infinity in the teacher's answer, so nothing is stored. Check its checkpoint and "
                              'its data_preprocessor; where teacher.precision is "fp16", use "bf16" or "fp32".')
        largest = max(np.abs(value).max() for value in batch.values())
        raise ConfigError(f'the teacher returns {largest:g}, which {self.meta["dtype"]} cannot hold: make the cache '
                          'with --dtype float32.')

    def _check_finished(self, shard: int) -> Dict[str, Any]:
        """The index of a file, which is refused where it is not finished."""
        index, lack = self._index(shard)
        if lack:
            raise ConfigError(f'cache="{self.folder}" is not complete: {lack}. The command that makes it goes on where '
                              'it stopped: mim run mmpose_kd cache CONFIG')
        return index

    def _index(self, shard: int) -> Tuple[Dict[str, Any], str]:
        """What a file's index holds, and what keeps the file from being finished; empty where it is."""
        rows, index = self.file(shard, 'npy'), self.file(shard, 'json')
        if not index.is_file() or not rows.is_file():
            return {}, f'{rows.name} is missing'
        content = _read_json(index, 'cache', 'shard', 'bytes', 'crc32')
        if content is None:
            return {}, f'{index.name} is damaged'
        if content['cache'] != self._digest or content['shard'] != shard:
            return content, f'{rows.name} was written for another cache, or for another place in this one'
        size = rows.stat().st_size
        lack = '' if size == content['bytes'] else f'{rows.name} has {size} bytes, expected {content["bytes"]}'
        return content, lack

    def _row(self, shard: int, place: int) -> np.ndarray:
        if shard not in self._checksums:
            checksums = self._check_finished(shard)['crc32']
            try:
                self._checksums[shard] = np.array(checksums, dtype=np.int64)
            except (TypeError, ValueError, OverflowError):  # no list of numbers
                raise self._damaged(shard) from None
        if shard not in self._open:
            while len(self._open) >= OPEN:
                self._open.pop(next(iter(self._open)))
            self._open[shard] = self._load(shard)
        row = self._open[shard][place]
        if zlib.crc32(row) != self._checksums[shard][place]:
            raise self._damaged(shard)
        return row

    def _load(self, shard: int) -> np.ndarray:
        try:
            rows = np.load(self.file(shard, 'npy'), mmap_mode='r')
        except (ValueError, EOFError, FileNotFoundError):  # cut off, or no numbers
            raise self._damaged(shard) from None
        except OSError as error:
            raise ConfigError(f'{self.folder}/{shard:05d}.npy cannot be read: {error.strerror}.') from None
        count = len(self.views_of(shard))
        if rows.shape != (count, self._numbers()) or self._checksums[shard].shape != (count, ):
            raise self._damaged(shard)
        return rows

    def _damaged(self, shard: int) -> ConfigError:
        return ConfigError(f'{self.file(shard, "npy")} is damaged: its checksum is another. Remove it and its .json, '
                           'and make it again: mim run mmpose_kd cache CONFIG')

    def file(self, shard: int, ending: str) -> Path:
        """The path of a shard's file.

        Raises:
            ConfigError: It is a link to somewhere else, where it would be read, emptied or written.
        """
        file = self.folder / f'{shard:05d}.{ending}'
        if file.resolve().parent != self._root:
            raise ConfigError(f'{file} is a link that leads out of the cache, to "{file.resolve()}". Remove it; if it '
                              'was not yours, remove the whole cache.')
        return file


def _read_json(file: Path, *keys: str) -> Optional[Dict[str, Any]]:
    """What a file holds; None where that is no dict with these keys."""
    try:
        content = json.loads(file.read_text())
    except ValueError:
        return None
    return content if isinstance(content, dict) and all(key in content for key in keys) else None
