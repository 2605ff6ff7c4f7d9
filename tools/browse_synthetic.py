"""Draw a grid of synthetic samples, such as the picture in the README."""
import argparse
from pathlib import Path

import cv2
import numpy as np

from mmpose_kd.cli import for_the_user
from mmpose_kd.datasets import SyntheticPoseDataset
from mmpose_kd.errors import ConfigError, check_count
from mmpose_kd.files import IMAGES


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', help='the picture to write, .jpg or .png')
    parser.add_argument('--rows', type=int, default=4)
    parser.add_argument('--cols', type=int, default=8)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--size', type=int, default=160, help='width and height of a sample in pixels')
    parser.add_argument('--variety', type=float, default=0.6)
    parser.add_argument('--clutter', type=float, default=0.5)
    parser.add_argument('--plain', action='store_true', help='without box and keypoints in the lower half')
    return parser.parse_args()


def draw_annotation(image: np.ndarray, annotation: dict, metainfo: dict) -> np.ndarray:
    """Draw box, limbs and keypoints; hidden keypoints as rings."""
    image = image.copy()
    keypoints = np.array(annotation['keypoints']).reshape(-1, 3)
    xy, flags = keypoints[:, :2].round().astype(int).tolist(), keypoints[:, 2]
    x, y, w, h = (round(v) for v in annotation['bbox'])
    cv2.rectangle(image, (x, y), (x + w, y + h), (255, 255, 255), 1)
    for (a, b), rgb in zip(metainfo['skeleton_links'], metainfo['skeleton_link_colors'].tolist()):
        if flags[a] and flags[b]:
            cv2.line(image, xy[a], xy[b], rgb[::-1], 2, cv2.LINE_AA)
    for place, flag, rgb in zip(xy, flags, metainfo['keypoint_colors'].tolist()):
        if flag:
            cv2.circle(image, place, 3, rgb[::-1], -1 if flag == 2 else 1, cv2.LINE_AA)
    return image


def browse(args: argparse.Namespace) -> None:
    if Path(args.out).suffix.lower() not in IMAGES:
        raise ConfigError(f'"{args.out}": expected a picture to write, which ends in one of {", ".join(IMAGES)}.')
    check_count('--rows', args.rows)
    check_count('--cols', args.cols)
    dataset = SyntheticPoseDataset(num_samples=args.rows * args.cols, seed=args.seed, image_size=(args.size, args.size),
                                   variety=args.variety, clutter=args.clutter)
    rows = []
    for row in range(args.rows):
        samples = [dataset.draw(row * args.cols + col) for col in range(args.cols)]
        annotate = not args.plain and row >= args.rows / 2
        rows.append(np.hstack([draw_annotation(*s, dataset.metainfo) if annotate else s[0] for s in samples]))
    if not cv2.imwrite(args.out, np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise ConfigError(f'"{args.out}" cannot be written: does its folder exist?')


def main() -> None:
    args = parse_args()
    with for_the_user():
        browse(args)


if __name__ == '__main__':
    main()
