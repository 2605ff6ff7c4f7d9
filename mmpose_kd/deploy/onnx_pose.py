"""Pose of one person with ONNX Runtime alone, no PyTorch: python onnx_pose.py IMAGE [LEFT TOP WIDTH HEIGHT]"""
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

FOLDER = Path(__file__).resolve().parent


def estimate(image, box, spec, model=FOLDER / 'model.onnx'):
    """Keypoints (K, 2) in pixels of a BGR image and scores (K,) of the person in a box, or in all of it."""
    size, (at, side) = np.array(spec['input_size']), np.array(box or [0, 0, *image.shape[1::-1]], float).reshape(2, 2)
    centre, side = at + side / 2, side * spec['box_padding']
    scale = np.maximum(side, side[::-1] * size / size[::-1])  # the input's aspect ratio
    zoom = (size - spec['udp']) / scale
    warp = np.column_stack([np.diag(zoom), zoom * (scale / 2 - centre)])
    pixels = cv2.warpAffine(image, warp, tuple(spec['input_size']), flags=cv2.INTER_LINEAR)
    pixels = pixels[..., ::-1] if spec['channel_order'] == 'rgb' else pixels
    images = ((pixels - spec['mean']) / spec['std']).transpose(2, 0, 1)[None].astype(np.float32)
    (found, ), (scores, ) = onnxruntime.InferenceSession(str(model)).run(['keypoints', 'scores'], {'images': images})
    return found / size * scale + centre - scale / 2, scores


if __name__ == '__main__':
    if len(sys.argv) not in (2, 6):
        sys.exit(f'{__doc__}: expected an image, or an image and four numbers, got {sys.argv[1:]}')
    if (picture := cv2.imread(sys.argv[1])) is None:
        sys.exit(f'{__doc__}: no image can be read at {sys.argv[1]}')
    try:
        person = [float(number) for number in sys.argv[2:6]]
        if person and not (np.isfinite(person).all() and min(person[2:]) > 0):
            raise ValueError(f'the box {person} has no width and height above 0')
    except ValueError as error:
        sys.exit(f'{__doc__}: {error}')
    deploy = json.loads((FOLDER / 'deploy.json').read_text())
    for name, (x, y), score in zip(deploy['keypoints'], *estimate(picture, person, deploy)):
        print(f'{name:20} {x:8.1f} {y:8.1f} {score:6.3f}')
