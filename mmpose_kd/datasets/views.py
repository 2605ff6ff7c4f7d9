"""A fixed number of augmented views of every sample."""
import copy
import random
import zlib
from itertools import product
from pathlib import Path
from typing import Any, Dict, List, Sequence, cast

import mmpose
import numpy as np
import torch
from mmpose.registry import DATASETS
from torch.utils.data import Dataset

from mmpose_kd.config import digest_of
from mmpose_kd.errors import ConfigError, check_count
from mmpose_kd.parts import dicts, kind_of, with_names

from .annotations import nested
from .samples import evenly


@DATASETS.register_module()
class ViewDataset(Dataset):
    """Another dataset, whose random augmentation takes one of a fixed number of forms for each sample.

    A view is what the pipeline makes of a sample when Python's, NumPy's and PyTorch's random states are set from the
    seed, the sample's index and the view's number: it can be made again at any time, so that a teacher's answer to it
    can be stored (see :class:`CachedTeacher <mmpose_kd.models.distillers.cached_teacher.CachedTeacher>`). Which of its
    views a sample shows is drawn anew each time. The data sample's metainfo ``view`` is the view's number among all,
    ``view * len(dataset) + index``.

    Args:
        dataset (dict): Config of the dataset.
        num_views (int): Number of views of each sample.
        seed (int): Seed of all views; not that of the training. Default: 0.

    Raises:
        ConfigError: The number of views is no positive whole number, or the seed none of at least 0.

    Example:
        >>> from mmengine.registry import init_default_scope
        >>> init_default_scope('mmpose')
        >>> dataset = DATASETS.build(dict(
        ...     type='ViewDataset', num_views=4, dataset=dict(type='SyntheticPoseDataset', num_samples=2, pipeline=[
        ...         dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomBBoxTransform'),
        ...         dict(type='TopdownAffine', input_size=(64, 64)), dict(type='PackPoseInputs')])))
        >>> bool((dataset.view(1, 3)['inputs'] == dataset.view(1, 3)['inputs']).all())
        True
    """

    def __init__(self, dataset: dict, num_views: int, seed: int = 0) -> None:
        check_count('ViewDataset: num_views', num_views)
        self.cfg = copy.deepcopy(dataset)
        self.dataset = DATASETS.build(dataset)
        self.num_views = num_views
        self.seed = check_count('ViewDataset: seed', seed, 0)

    @property
    def metainfo(self) -> dict:
        """That of the dataset."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Read the annotations now, as MMEngine asks before worker processes start."""
        if hasattr(self.dataset, 'full_init'):
            self.dataset.full_init()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict:
        """One of the sample's views."""
        return self.view(index, np.random.randint(self.num_views))

    def view(self, index: int, view: int) -> dict:
        """A certain view.

        Args:
            index (int): The sample.
            view (int): Which of its views.

        Returns:
            dict: ``inputs`` and ``data_samples``, as the pipeline returns them.
        """
        kind, key, *rest = cast(tuple, np.random.get_state())
        numpy_state = (kind, key.tolist(), *rest)  # NumPy takes back a list several times as fast as an array
        python_state, torch_state = random.getstate(), torch.get_rng_state()
        seed = int(np.random.SeedSequence([self.seed, index, view]).generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)
        torch.random.default_generator.manual_seed(seed)
        try:
            sample = self.dataset[index]
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
            torch.set_rng_state(torch_state)
        sample['data_samples'].set_metainfo(dict(view=view * len(self) + index))
        return sample

    def check_repeatable(self) -> None:
        """Refuse a pipeline that makes another image of the same view each time.

        Four views of each of eight samples are made twice. What changes a view in a hundred is found in one case of
        four, what changes one in ten nearly always; what differs only in a worker process or on another day never.

        Raises:
            ConfigError: It does, for one of these views.
        """
        for index, view in product(evenly(len(self), 8), evenly(self.num_views, 4)):
            first, again = (self.view(index, view)['inputs'] for _ in range(2))
            if first.shape != again.shape or not bool((first == again).all()):
                raise ConfigError(f'ViewDataset: view {view} of sample {index} is another image each time, so that no '
                                  'answer to it can be stored: a transform of the pipeline draws from a random '
                                  'generator of its own, as Albumentation does with newer versions of '
                                  'albumentations. Take it out of the pipeline.')

    def fingerprint(self) -> Dict[str, Any]:
        """What makes the views what they are: config, annotations, number and seed. The data's folder may move.

        ``GenerateTarget`` is left out: it makes the student's labels and leaves the image as it is, so that students
        with heatmaps and with SimDR labels share a cache.
        """
        cfg = with_names(self.cfg)
        for _, part in dicts(cfg):
            part.pop('data_root', None)
            lists = {key: value for key, value in part.items() if isinstance(value, (list, tuple))}
            part.update({key: _without_targets(steps) for key, steps in lists.items()})
        return dict(
            dataset=digest_of(cfg),
            annotations=' '.join(f'{zlib.crc32(file.read_bytes()):08x}' for file in _annotation_files(self.dataset)),
            samples=len(self),
            num_views=self.num_views,
            seed=self.seed,
            mmpose=mmpose.__version__)


def checked_views(dataset: Any) -> ViewDataset:
    """A training set, if answers of a teacher to its images can be stored.

    Args:
        dataset (Dataset): The training set.

    Returns:
        ViewDataset: The same.

    Raises:
        ConfigError: It shows no views, or they change.
    """
    if not isinstance(dataset, ViewDataset):
        raise ConfigError(f'model.teacher.cache: the training set is a {type(dataset).__name__}, which draws new '
                          'augmentations each time. Wrap it: train_dataloader.dataset=dict(type="ViewDataset", '
                          'num_views=..., dataset=...).')
    dataset.check_repeatable()
    return dataset


def _without_targets(steps: Sequence) -> list:
    return [step for step in steps if not (isinstance(step, dict) and kind_of(step) == 'GenerateTarget')]


def _annotation_files(dataset: Dataset) -> List[Path]:
    """Those of a dataset and of all that it is made of."""
    files = [getattr(part, 'ann_file', None) for part in nested(dataset)]
    return [Path(file) for file in files if file and Path(file).is_file()]
