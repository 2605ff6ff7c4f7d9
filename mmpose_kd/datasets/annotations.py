"""What a COCO-style annotation file holds, beside what MMPose takes from it."""
from typing import Any, Callable, Iterator

from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from mmpose_kd.compat import extend


def count_annotations() -> None:
    """Extend ``BaseCocoStyleDataset._load_annotations`` to count; a second call changes nothing.

    Upstream problem: what is left out, and what has the id of another and replaces it, is not said, and the file's
    content is gone when the dataset is built. A dataset has an attribute ``annotation_counts`` then, with how many
    annotations and images there are and how many ids, so that :class:`TrainingGuardHook
    <mmpose_kd.engine.hooks.TrainingGuardHook>` need not read the file again. Thread: none found.
    """

    @extend(BaseCocoStyleDataset, '_load_annotations')
    def load(stock: Callable, self: BaseCocoStyleDataset) -> Any:
        found, coco = stock(self), self.coco
        self.annotation_counts = dict(
            annotations=(len(coco.dataset.get('annotations', ())), len(coco.anns)),
            images=(len(coco.dataset.get('images', ())), len(coco.imgs)))
        return found


def nested(dataset: Any) -> Iterator[Any]:
    """A dataset, and those that it is made of."""
    yield dataset
    for part in [*getattr(dataset, 'datasets', ()), *filter(None, [getattr(dataset, 'dataset', None)])]:
        yield from nested(part)
