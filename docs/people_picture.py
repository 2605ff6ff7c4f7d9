"""Poses that a method gets right and the same student alone does not, and the reverse, without the photographs.

    python docs/people_picture.py work_dirs/methods multi-kd docs/images/comparison_people.png
"""
import sys
from pathlib import Path

import cv2
import numpy as np

from mmpose_kd.datasets.samples import validation_set
from mmpose_kd.report.measure import gains, largest
from mmpose_kd.report.predict import Predictions, config_of, predict
from mmpose_kd.report.runs import read_folders
from mmpose_kd.visualization.poses import pose_grid

PEOPLE = 500  # of the validation set
SHOWN, SIZE, MARGIN = 5, 150, 0.15


def main(study: str, name: str, picture: str) -> None:
    experiment = read_folders([study])
    pairs = experiment.pairs(name)
    if not pairs:
        sys.exit(f'error: {study} has no run "{name}" with a baseline of the same seed.')
    run, alone = pairs[0]  # of the first seed
    cache = Path(study) / 'predictions'
    found, before = (predict(one, PEOPLE, cache, 'cpu') for one in (run, alone))
    if not found.same_people(before):
        sys.exit('error: the two were validated on different people.')
    meta = validation_set(config_of(run)).metainfo
    difference = gains(found, before)
    titles = (alone.label, run.label)
    parts = [grid(places, before, found, titles, meta) for places in (largest(difference, SHOWN),
                                                                      largest(-difference, SHOWN))]
    gap = np.full((parts[0].shape[0], SIZE // 4, 3), 255, np.uint8)
    whole = np.concatenate([parts[0], gap, parts[1]], axis=1)
    cv2.imwrite(picture, whole[..., ::-1])


def grid(places: list, before: Predictions, found: Predictions, titles: tuple, meta: dict) -> np.ndarray:
    """Labels, baseline and student in rows, people in columns."""
    poses, canvas = {'labels': [], **{title: [] for title in titles}}, np.full((SIZE, SIZE, 3), 255, np.uint8)
    for place in places:
        left, top, right, bottom = found.boxes[place]
        side = (1 + 2 * MARGIN) * max(right - left, bottom - top)
        origin = np.array([(left + right - side) / 2, (top + bottom - side) / 2])
        for title, joints in zip(poses, (found.labels, before.keypoints, found.keypoints)):
            poses[title].append((joints[place] - origin) * SIZE / side)
    return pose_grid([canvas] * len(places), poses, found.labelled[places], meta, SIZE)


if __name__ == '__main__':
    main(*sys.argv[1:]) if len(sys.argv) == 4 else sys.exit(__doc__)
