"""Samples of a config's validation data, or of a folder of images, outside of a runner."""
from pathlib import Path
from typing import Any, List

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmpose.registry import DATASETS

from mmpose_kd.errors import ConfigError, one_line
from mmpose_kd.files import IMAGES
from mmpose_kd.keypoints import dataset_meta, parse_metainfo
from mmpose_kd.progress import track

UNREADABLE = (OSError, AssertionError, KeyError, TypeError, ValueError)  # what datasets raise where data are missing
NO_IMAGE = (OSError, AssertionError, AttributeError)  # what loading one that is not there, or is none, raises
_GIVE_IMAGES = ' A folder of images, each of one person, can take its place: --images FOLDER.'


def validation_set(cfg: Config, remedy: str = '') -> Any:
    """The validation set of a config, without the boxes of a detector, which have no labels.

    Args:
        cfg (Config): The config.
        remedy (str): What else can be done, for the errors. Default: nothing.

    Returns:
        Dataset: The dataset.

    Raises:
        ConfigError: There is none, or it cannot be read.
    """
    settings = dict((cfg.get('val_dataloader') or cfg.get('test_dataloader') or {}).get('dataset') or {})
    if not settings:
        raise ConfigError('the config has neither a val_dataloader nor a test_dataloader, so there is nothing to '
                          f'predict.{remedy}')
    if settings.get('bbox_file'):
        settings['bbox_file'] = None
    try:
        return DATASETS.build(settings)
    except UNREADABLE as error:
        raise ConfigError(f'the validation set cannot be read: {one_line(error)}. Say by '
                          f'--cfg-options val_dataloader.dataset.data_root=FOLDER where it is.{remedy}') from error


def validation_samples(cfg: Config, count: int) -> List[dict]:
    """Some samples of a config's validation data, evenly spread, in the boxes of the labels.

    Args:
        cfg (Config): The config.
        count (int): How many, at most.

    Returns:
        list[dict]: What the validation pipeline packs.

    Raises:
        ConfigError: There are no such data, or they cannot be read.
    """
    data = validation_set(cfg, _GIVE_IMAGES)
    try:
        samples = [data[i] for i in track(evenly(len(data), count), 'reading validation data')]
    except UNREADABLE as error:
        raise ConfigError(f'the validation set cannot be read: {one_line(error)}.'
                          f'{_GIVE_IMAGES}') from error
    if not samples:
        raise ConfigError(f'the validation data of the config hold no sample.{_GIVE_IMAGES}')
    return samples


def image_samples(cfg: Config, folder: str, count: int) -> List[dict]:
    """The images of a folder, each of them whole as the box of one person.

    Args:
        cfg (Config): The config, whose test pipeline is used; without one that of the validation.
        folder (str): The folder.
        count (int): How many images, at most.

    Returns:
        list[dict]: What the pipeline packs.

    Raises:
        ConfigError: The folder does not exist or holds no image that can be read.
    """
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if not loader:
        raise ConfigError('the config has no val_dataloader, whose pipeline prepares images. Add it to the config.')
    root = Path(folder)
    if not root.is_dir():
        kind = 'is a file' if root.exists() else 'does not exist'
        raise ConfigError(f'"{folder}" {kind}. Give a folder of images, each of one person.')
    paths = sorted(path for path in root.iterdir() if path.suffix.lower() in IMAGES)
    if not paths:
        raise ConfigError(f'"{folder}" holds no image ({", ".join(IMAGES)}). Give a folder of images, each of one '
                          'person.')
    pipeline, meta = Compose(loader.dataset.pipeline), parse_metainfo(dataset_meta(cfg)) or {}
    samples = []
    for path in track(paths[:count], f'reading {root.name}'):
        sample = dict(img_path=str(path), bbox_score=np.ones(1, dtype=np.float32), **meta)
        try:
            image = Compose(loader.dataset.pipeline[:1])(dict(sample))['img']
        except NO_IMAGE as error:
            raise ConfigError(f'the image "{path}" cannot be read. Replace or remove it.') from error
        height, width = image.shape[:2]
        samples.append(pipeline(dict(sample, bbox=np.array([[0, 0, width, height]], dtype=np.float32))))
    return samples


def evenly(total: int, count: int) -> List[int]:
    """Places among ``total``, evenly spread from the first to the last: ``count``, or all where there are fewer.

    Example:
        >>> evenly(10, 4)
        [0, 3, 6, 9]
    """
    return [int(place) for place in np.linspace(0, total - 1, min(count, total))]
