"""Make a teacher's cache."""
import os.path as osp
from typing import Callable, Dict, Iterator, List, Optional, Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS
from torch.utils.data import DataLoader, Dataset

from .config import check_model, read_config
from .datasets.views import ViewDataset, checked_views
from .engine.explain import has_no_sample
from .errors import ConfigError, build, make_folder, one_line
from .files import take_lock
from .machine import find_device
from .models.distillers.cached_teacher import answer_fields, cache_source
from .models.distillers.teacher import Teacher
from .models.distillers.teacher_cache import TeacherCache
from .models.distillers.teachers import absolute_paths, build_teacher, teacher_arguments, teacher_place
from .progress import counting, track


def build_caches(config: str, taps: Sequence[str] = (), dtype: str = 'float16',
                 device: Optional[str] = None, cfg_options: Optional[dict] = None) -> List[TeacherCache]:
    """Store the answers of every teacher of a config that has a ``cache``.

    Goes on where it was stopped. Several processes can make one cache together: each takes the next file that nobody
    has begun.

    Args:
        config (str): The config file. Its training set is a :class:`ViewDataset`; what the objectives tap is stored.
        taps (Sequence[str]): Paths to store beside those, for other configs that will use the cache. Default: none.
        dtype (str): 'float16' or 'float32'. Default: 'float16'.
        device (str, optional): Where the teacher runs. Default: a GPU, if there is one.
        cfg_options (dict, optional): Changes to the config, by dotted key.

    Returns:
        list[TeacherCache]: The caches; another process may still be at work on some of their files.

    Raises:
        ConfigError: The config cannot be read, no teacher has a cache, the training set cannot be read or shows no
            views, the device cannot be used, or the folder has a cache of something else.
    """
    cfg = read_config(config, cfg_options)
    check_model(cfg)
    place = torch.device(find_device(device))
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    absolute_paths(cfg.model.get('teacher'), osp.dirname(osp.abspath(config)))
    model = build(MODELS, cfg.model, 'model')
    teachers = {name: args for name, args in teacher_arguments(cfg.model.get('teacher')).items() if 'cache' in args}
    if not teachers:
        raise ConfigError(f'{config}: no teacher has a cache. Set model.teacher.cache="folder".')
    dataset = checked_views(_training_set(cfg))
    loader = dict(batch_size=cfg.train_dataloader.get('batch_size', 32),  # none where there is a batch sampler
                  num_workers=cfg.train_dataloader.get('num_workers', 0), collate_fn=pseudo_collate)
    preprocessor = model.data_preprocessor.to(place)
    caches = []
    for name, args in teachers.items():
        folder = args.pop('cache')
        try:
            wanted = [*model.teacher_taps(name), *taps]
            teacher = build_teacher(args, taps=wanted).to(place)
            caches.append(_build(folder, teacher, wanted, dataset, preprocessor, loader, dtype))
        except ConfigError as error:
            raise ConfigError(f'{teacher_place(name, teachers)}: {error}') from None
    return caches


def _training_set(cfg: Config) -> Dataset:
    try:
        dataset = build(DATASETS, cfg.train_dataloader.dataset, 'train_dataloader.dataset')
        dataset.full_init()
    except (OSError, AssertionError) as error:  # what build() lets through: data that are missing
        raise ConfigError(f'the training set cannot be read: {one_line(error)}. Say where it is by --cfg-options '
                          'train_dataloader.dataset.dataset.data_root=FOLDER.') from error
    except ConfigError as error:
        if not has_no_sample(error):
            raise
        raise ConfigError('the training set has no sample, and no view to store: its annotations hold no person with a '
                          'box and a labelled joint, or indices or a filter leaves none.') from error
    return dataset


def _build(folder: str, teacher: Teacher, taps: Sequence[str], dataset: ViewDataset, preprocessor: torch.nn.Module,
           loader: dict, dtype: str) -> TeacherCache:
    count = dataset.num_views * len(dataset)

    def answers(views: Sequence[int]) -> Iterator[Dict[str, np.ndarray]]:
        for batch in DataLoader(_Views(dataset, views), **loader):
            data = preprocessor(batch, training=False)
            record = teacher.answer(data['inputs'], preprocessor, data['data_samples'])
            yield {name: value.cpu().numpy() for name, value in answer_fields(record, taps).items()}

    first = next(answers([0]))
    shapes = {name: value.shape[1:] for name, value in first.items()}
    cache = TeacherCache.create(folder, shapes, count, cache_source(teacher, dataset), dtype)
    print_log(f'{cache.folder}: {count} views, {cache.view_bytes() / 1024:.1f} KB each, '
              f'{count * cache.view_bytes() / 1e9:.2f} GB; {", ".join(cache.fields)}', 'current')
    missing = [shard for shard in range(cache.shards()) if not cache.finished(shard)]
    finished = [shard for shard in range(cache.shards()) if shard not in missing]
    for shard in track(finished, f'checking {folder}'):
        cache.read(cache.views_of(shard), ())  # refuses a damaged file
    if missing:
        make_folder(cache.folder, 'cache')  # refuses one that may not be written to
    with counting(sum(len(cache.views_of(shard)) for shard in missing), f'views to {folder}') as done:
        for shard in missing:
            views = cache.views_of(shard)
            with open(cache.file(shard, 'lock'), 'w') as lock:
                if not take_lock(lock.fileno(), cache.folder) or cache.finished(shard):
                    done(len(views))  # another process is at it, or has finished it since
                    continue
                cache.write(shard, _counted(answers(views), done))
    return cache


def _counted(batches: Iterator[Dict[str, np.ndarray]],
             done: Callable[[int], None]) -> Iterator[Dict[str, np.ndarray]]:
    """The same batches; each is counted when the next is asked for."""
    for batch in batches:
        yield batch
        done(len(next(iter(batch.values()))))


class _Views(Dataset):
    """Views by their numbers."""

    def __init__(self, dataset: ViewDataset, views: Sequence[int]) -> None:
        self.dataset, self.views = dataset, views

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, position: int) -> dict:
        view, index = divmod(self.views[position], len(self.dataset))
        return self.dataset.view(index, view)
