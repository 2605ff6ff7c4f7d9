"""What is in an exported folder, for those who use it."""
import json
from typing import Any, Dict, Iterable, List, Sequence

from mmengine.config import Config
from mmpose.models.pose_estimators import TopdownPoseEstimator

from mmpose_kd.keypoints import dataset_meta, parse_metainfo
from mmpose_kd.models.outputs import num_keypoints, pose_head
from mmpose_kd.parts import imports_of, kind_of

from .check import chosen_joints
from .student import input_size

_INFERENCER = (
    'from mmpose.apis import MMPoseInferencer',
    "pose = MMPoseInferencer(pose2d='config.py', pose2d_weights='checkpoint.pth', det_model='whole_image')",
    "print(next(pose('PERSON.jpg', vis_out_dir='.'))['predictions'])",
)


def describe(plain: Config, student: TopdownPoseEstimator) -> Dict[str, Any]:
    """What somebody needs to use the model without this package.

    Args:
        plain (Config): The student's config.
        student (TopdownPoseEstimator): The student.

    Returns:
        dict: Input size, normalisation, how a box is cut out, keypoints, and the codec. Where ``test_cfg`` chooses some
        of the head's joints, the keypoints are these.
    """
    meta = parse_metainfo(dataset_meta(plain)) or {}
    loader = plain.get('test_dataloader') or plain.get('val_dataloader') or {}
    pipeline = loader.get('dataset', {}).get('pipeline', [])
    transforms = {kind_of(transform): transform for transform in pipeline}
    normalise = plain.model.get('data_preprocessor') or {}
    names = [meta['keypoint_id2name'][i] for i in range(meta['num_keypoints'])] if meta else [
        str(i) for i in range(num_keypoints(pose_head(student.head)) or 0)]
    joints = chosen_joints(student, len(names))
    indices = (student.test_cfg or {}).get('output_keypoint_indices')
    head = plain.model.head
    decoding = dict(head.get('base', head.get('pose_cfg', head)).get('decoder') or {})
    spec = dict(
        input_size=list(input_size(student, plain)),
        mean=[float(value) for value in normalise.get('mean') or (0, 0, 0)],
        std=[float(value) for value in normalise.get('std') or (1, 1, 1)],
        channel_order='rgb' if normalise.get('bgr_to_rgb') or normalise.get('rgb_to_bgr') else 'bgr',  # either swaps
        box_padding=float(transforms.get('GetBBoxCenterScale', {}).get('padding', 1.25)),
        udp=bool(transforms.get('TopdownAffine', {}).get('use_udp', False)),
        keypoints=[names[i] for i in joints],
        flip_pairs=_among(joints, [(i, j) for i, j in enumerate(meta.get('flip_indices') or []) if i < j]),
        skeleton=_among(joints, meta.get('skeleton_links') or []),
        decoding=json.loads(json.dumps(decoding, default=_plain)))
    return spec if indices is None else dict(spec, output_keypoint_indices=[int(i) for i in indices])


def _plain(value: Any) -> Any:
    """A class, as MMEngine's newer configs have it for a type, by its name; else a number."""
    return value.__name__ if isinstance(value, type) else float(value)


def _among(joints: Sequence[int], pairs: Iterable[Sequence[int]]) -> List[List[int]]:
    """Pairs of joints by their places among some joints, without those of which one is not there."""
    places = {joint: place for place, joint in enumerate(joints)}
    return [[places[i], places[j]] for i, j in pairs if i in places and j in places]


def readme(spec: dict, plain: Config) -> str:
    """The folder's README: five lines that run it, and what is in it.

    Args:
        spec (dict): What ``deploy.json`` holds.
        plain (Config): The student's config.

    Returns:
        str: Markdown.
    """
    scripted = 'keypoints' in spec.get('outputs', ())
    packages = sorted({name.split('.')[0] for name in imports_of(plain)})
    first = ['import mmpose_kd'] if 'mmpose_kd' in packages else []  # it mends MMPose where mmcv-lite is installed
    text = ['# A pose estimator', '', '```bash']
    text += ['python onnx_pose.py PERSON.jpg  # ONNX Runtime, OpenCV and NumPy, no PyTorch'] if scripted else []
    text += ['mim test mmpose config.py --checkpoint checkpoint.pth  # where the data is that config.py names']
    text += ['```', '', '```python', *first, *_INFERENCER, '```', '']
    uses = (f'MMPose and {", ".join(f"`{name}`" for name in packages)}, which it imports' if packages else
            'MMPose alone; with mmcv-lite, where MMPose cannot be imported by itself, run `mim test mmpose_kd` '
            'instead, and `import mmpose_kd` first in Python')
    text.append(f'- `config.py`, `checkpoint.pth`: the student, for {uses}.')
    if 'outputs' in spec:
        width, height = spec['input_size']
        outputs = ', '.join(f'`{name}`' for name in spec['outputs'])
        text.append(f'- `model.onnx`: from `images` (batch, 3, {height}, {width}), normalised as `deploy.json` '
                    f'says, to {outputs}, in pixels of that input where they are keypoints. Nothing is flipped.')
        if 'output_keypoint_indices' in spec and not scripted:
            text.append('  The outputs hold all joints of the head; `keypoints` in `deploy.json` names those at '
                        '`output_keypoint_indices`.')
    if 'int8' in spec['pck']:
        text.append('- `model_int8.onnx`: the same with convolutions and linear layers in int8.')
    text.append('- `deploy.json`: input, keypoints, skeleton, decoding, and what the checks of the export found.')
    return '\n'.join(text) + '\n'
