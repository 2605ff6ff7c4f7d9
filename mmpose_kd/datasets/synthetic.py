"""People drawn on the fly, for demonstrations and tests that need no files."""
from typing import Callable, List, Optional, Sequence, Tuple, Union

import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from mmpose_kd.errors import ConfigError, check_count

from .people import PARTS, Person, draw_person, inside_image, keypoint_flags, sample_person
from .scene import Scene

MAIN, OTHER, OCCLUDER = 1, 100, 255  # part numbers: the person's from 1, the second person's from 100
MIN_KEYPOINTS = 8  # labelled keypoints that every image holds


@DATASETS.register_module()
class SyntheticPoseDataset(BaseCocoStyleDataset):
    """Draws articulated people with COCO's 17 keypoints; nothing is read or stored.

    Image ``i`` is a function of ``(seed, i)`` and the arguments below, whatever process draws it. A three-dimensional
    body takes a random pose within the limits of its joints, is seen from a random side and drawn in random clothes
    before a cluttered background. One person an image is labelled, as a record of MMPose's ``CocoDataset``: box around
    the part of the body inside the image, area of its visible pixels, and COCO's flags: 0 for a keypoint outside the
    image (its place is then (0, 0)), 1 for one hidden by the body itself, an occluder or the second person, 2 for a
    visible one. Sample ids and image ids are the index. ``CocoMetric`` without ``ann_file`` evaluates on it. The
    keypoints' names, flip pairs and sigmas are those of MMPose's COCO; the dataset is named ``synthetic_coco17``.

    Args:
        num_samples (int): Number of images. Default: 1000.
        seed (int): Seed; training and validation data differ in it. Default: 0.
        image_size (tuple): Width and height of the images in pixels. Default: (128, 128).
        variety (float): Of poses and views, from 0, people upright and facing the camera, to 1, all actions (walk,
            reach, sit, crouch, jump, ...) seen from all sides, some from above or lying. Default: 1.
        clutter (float): From 0, an empty background, to 1, twelve things on average. Default: 0.7.
        occlusion_prob (float): Probability that things stand before the person. Default: 0.4.
        second_person_prob (float): Probability of a second, overlapping person. Default: 0.35.
        cache (bool): Whether to keep drawn images in memory, in each worker by itself: 49 kB each at the default
            size, 28 kB at (96, 96). Pays from the second epoch on with persistent workers. Default: False.
        pipeline (list): Transforms, beginning with ``LoadImage``, which takes the image from the record.
        test_mode (bool): Whether the data serve validation or test. Default: False.
        indices (int | list, optional): Use only the first samples, or these.
        lazy_init (bool): See :class:`mmengine.dataset.BaseDataset`. Default: False.

    Raises:
        ConfigError: An argument is out of its range.

    Example::

        dataset = dict(type='SyntheticPoseDataset', num_samples=512, seed=1, image_size=(128, 128),
                       pipeline=[dict(type='LoadImage'), dict(type='GetBBoxCenterScale'),
                                 dict(type='TopdownAffine', input_size=(96, 96)), dict(type='PackPoseInputs')])
    """

    METAINFO: dict = dict(from_file='configs/_base_/datasets/coco.py')

    def __init__(self,
                 num_samples: int = 1000,
                 seed: int = 0,
                 image_size: Tuple[int, int] = (128, 128),
                 variety: float = 1.0,
                 clutter: float = 0.7,
                 occlusion_prob: float = 0.4,
                 second_person_prob: float = 0.35,
                 cache: bool = False,
                 pipeline: Sequence[Union[dict, Callable]] = (),
                 test_mode: bool = False,
                 indices: Optional[Union[int, Sequence[int]]] = None,
                 lazy_init: bool = False) -> None:
        check_count('SyntheticPoseDataset: num_samples', num_samples)
        check_count('SyntheticPoseDataset: seed', seed, 0)
        if not isinstance(image_size, Sequence) or len(image_size) != 2:
            raise ConfigError(f'SyntheticPoseDataset: image_size must be (width, height), got {image_size!r}.')
        for i, side in enumerate(image_size):
            check_count(f'SyntheticPoseDataset: image_size[{i}]', side, 32)
        for name, value in (('variety', variety), ('clutter', clutter), ('occlusion_prob', occlusion_prob),
                            ('second_person_prob', second_person_prob)):
            if not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise ConfigError(f'SyntheticPoseDataset: {name} must be a number from 0 to 1, got {value!r}.')
        self.num_samples, self.seed, self.image_size = num_samples, seed, (image_size[0], image_size[1])
        self.variety, self.clutter = variety, clutter
        self.occlusion_prob, self.second_person_prob = occlusion_prob, second_person_prob
        self._drawn: Optional[dict] = {} if cache else None
        # ann_file None, not '', lets CocoMetric take the ground truth from the samples
        super().__init__(ann_file=None, pipeline=list(pipeline), test_mode=test_mode, indices=indices,
                         lazy_init=lazy_init)

    @classmethod
    def _load_metainfo(cls, metainfo: Optional[dict] = None) -> dict:
        metainfo = super()._load_metainfo(metainfo)
        # a name of its own: CocoMetric looks annotation files up by the dataset's name
        return dict(metainfo, dataset_name='synthetic_coco17',
                    CLASSES=[dict(supercategory='person', id=1, name='person')])

    def load_data_list(self) -> List[dict]:
        """One small record an image; :meth:`get_data_info` draws."""
        return [dict(index=index) for index in range(self.num_samples)]

    def get_data_info(self, idx: int) -> dict:
        """The record of a sample with its image drawn, and what :class:`BaseCocoStyleDataset` adds."""
        data_info = super().get_data_info(idx)
        index = data_info.pop('index')
        if self._drawn is None:
            image, annotation = self.draw(index)
        else:
            if index not in self._drawn:
                self._drawn[index] = self.draw(index)
            image, annotation = self._drawn[index][0].copy(), self._drawn[index][1]
        width, height = self.image_size
        image_info = dict(width=width, height=height, img_path=f'synthetic/{self.seed}/{index}')
        data_info.update(self.parse_data_info(dict(raw_ann_info=annotation, raw_img_info=image_info)), img=image)
        return data_info

    def draw(self, index: int) -> Tuple[np.ndarray, dict]:
        """Draw an image.

        Args:
            index (int): Its number.

        Returns:
            tuple: The image (H, W, 3), uint8, BGR, and its annotation as in a COCO file.
        """
        rng = np.random.default_rng((self.seed, index))
        person = _place(rng, self.image_size, self.variety)
        scene = Scene(self.image_size, rng)
        scene.background(self.clutter)
        order = [(person, MAIN)]
        if rng.random() < self.second_person_prob:
            order.insert(rng.integers(2), (_beside(rng, person, self.variety), OTHER))
        for who, first_part in order:
            draw_person(scene, who, first_part)
        if rng.random() < self.occlusion_prob:
            for _ in range(rng.integers(1, 4)):
                near = person.xy[rng.integers(len(person.points))]
                scene.thing(near + 0.06 * person.scale * rng.standard_normal(2), person.scale * rng.uniform(0.06, 0.16),
                            OCCLUDER)
        return scene.finish(), self._annotate(scene, person, index)

    def _annotate(self, scene: Scene, person: Person, index: int) -> dict:
        flags = np.array(keypoint_flags(scene, person, MAIN))
        keypoints = np.column_stack([np.where(flags[:, None] > 0, person.keypoints, 0), flags])
        low, high = person.extent
        margin = 0.03 * person.scale  # flesh around the outermost points
        (x1, y1), (x2, y2) = np.clip([low - margin, high + margin], 0, np.array(self.image_size) - 1).tolist()
        seen = np.count_nonzero((scene.parts >= MAIN) & (scene.parts < MAIN + len(PARTS)))
        return dict(id=index, image_id=index, category_id=1, iscrowd=0, bbox=[x1, y1, x2 - x1, y2 - y1],
                    area=float(max(seen, 1)), keypoints=keypoints.ravel().tolist(),
                    num_keypoints=int(np.count_nonzero(flags)))


def _place(rng: np.random.Generator, image_size: Tuple[int, int], variety: float) -> Person:
    """A person of random size in a random place, for the most part inside the image."""
    size = np.array(image_size)
    while True:
        person = sample_person(rng, size.min() * rng.uniform(0.55, 1.1), variety)
        low, high = person.extent
        spill = 0.175 * size * (rng.random() < 0.15)  # cut off by the image's border
        room = size - (high - low) + 2 * spill
        person = person.moved(rng.random(2) * room - spill - low)
        if (room > 0).all() and np.count_nonzero(inside_image(person.keypoints, image_size)) >= MIN_KEYPOINTS:
            return person


def _beside(rng: np.random.Generator, person: Person, variety: float) -> Person:
    """A second person whose middle is clearly elsewhere, near enough to overlap."""
    other = sample_person(rng, person.scale * rng.uniform(0.75, 1.15), variety)
    angle = rng.uniform(0, 2 * np.pi)
    away = person.scale * rng.uniform(0.22, 0.5) * np.array([np.cos(angle), 0.5 * np.sin(angle)])
    return other.moved(person.extent.mean(axis=0) - other.extent.mean(axis=0) + away)
