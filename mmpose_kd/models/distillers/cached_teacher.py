"""A teacher that answers from disk."""
from typing import Any, Dict, List, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from mmpose_kd.datasets.views import ViewDataset
from mmpose_kd.errors import ConfigError
from mmpose_kd.models.taps import Record, is_output

from .teacher import Teacher
from .teacher_cache import TeacherCache


class CachedTeacher(Teacher):
    """A teacher whose answers to a fixed number of views of each sample were stored once.

    A training step then costs little more than the student's, in this run and in every later one with other objectives,
    students and seeds. The training data has to be a :class:`ViewDataset <mmpose_kd.datasets.ViewDataset>`. Make the
    cache by ``mim run mmpose_kd cache CONFIG``; where the teacher, its precision, the data, the pipeline or the number
    of views is another than then, the run stops before its first step.

    Args:
        cache (str): Folder of the cache; a relative one is below the folder in which the run starts. Of what is stored
            there, only that is read which the objectives compare: the outputs, if one of ``taps`` is of them.
        **kwargs: See :class:`Teacher`. The teacher itself is still loaded: its metric is reported, and its weights are
            compared with those that the cache was made with.

    Raises:
        ConfigError: There is no cache, it is incomplete, damaged or stale, or lacks a tap.

    Example::

        train_dataloader = dict(dataset=dict(
            _delete_=True, type='ViewDataset', num_views=10, dataset=_base_.train_dataloader.dataset))
        teacher = dict(config='w32.py', checkpoint='w32.pth', cache='work_dirs/cache_w32')
    """

    def __init__(self, cache: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cache = TeacherCache(cache)
        taps = kwargs.get('taps', ())
        self.paths = stored_paths(taps)
        self.outputs = [name for name in self.cache.fields if is_output(name) and any(map(is_output, taps))]
        missing = [path for path in self.paths if path not in self.cache.fields]
        if missing:
            raise ConfigError(f'cache="{cache}" holds no tap "{missing[0]}", only {", ".join(self.cache.fields)}. Make '
                              'another with this config, or with --taps and all that you need.')

    def check_data(self, dataset: ViewDataset) -> None:
        """Refuse a cache that was made with other data or another teacher.

        Args:
            dataset (ViewDataset): The training set.

        Raises:
            ConfigError: The cache is stale or incomplete.
        """
        self.cache.check(cache_source(self, dataset))
        self.cache.check_complete()

    def answer(self, inputs: Tensor, preprocessor: nn.Module, data_samples: Sequence = ()) -> Record:
        """What is stored of the batch's views and compared; see :meth:`Teacher.answer`."""
        views = [sample.metainfo['view'] for sample in data_samples]
        stored = self.cache.read(views, [*self.outputs, *self.paths])
        values = {name: _on_device(value, inputs.device) for name, value in stored.items()}
        outputs = tuple(values[name] for name in self.outputs)
        return Record(outputs=values.get('outputs', outputs or None), taps={path: values[path] for path in self.paths})


def _on_device(value: np.ndarray, device: torch.device) -> Tensor:
    """In float32 there; what is sent is as small as what is stored."""
    sent = torch.from_numpy(value)
    if device.type == 'cuda':
        sent = sent.pin_memory()  # else the copy waits for the device
    return sent.to(device, non_blocking=True).float()


def cache_source(teacher: Teacher, dataset: Any) -> Dict[str, Any]:
    """What a cache is of, by part."""
    return dict(teacher=teacher.fingerprint(), data=dataset.fingerprint())


def stored_paths(taps: Sequence[str]) -> List[str]:
    """The taps that are fields of their own; the outputs always are."""
    return [path for path in dict.fromkeys(taps) if not is_output(path)]


def answer_fields(record: Record, taps: Sequence[str]) -> Dict[str, Tensor]:
    """What is stored of an answer, by name.

    Args:
        record (Record): The answer.
        taps (Sequence[str]): Paths that are stored beside the outputs.

    Raises:
        ConfigError: What is at a path is no tensor.
    """
    outputs = record.outputs
    several = isinstance(outputs, (list, tuple))
    fields = {f'outputs[{i}]': value for i, value in enumerate(outputs)} if several else {'outputs': outputs}
    fields.update({path: record[path] for path in stored_paths(taps)})
    for path, value in fields.items():
        if not isinstance(value, Tensor):
            raise ConfigError(f'"{path}" of the teacher is a {type(value).__name__}, and only tensors can be stored: '
                              f'pick one by an index, as in "{path}[0]".')
    return fields
