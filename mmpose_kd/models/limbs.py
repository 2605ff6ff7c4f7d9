"""Which joints are linked: from a dataset's metainfo, or as a config lists them."""
from numbers import Integral
from typing import List, Optional, Sequence, Tuple, Union

from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmpose_kd.errors import ConfigError


def limbs_of(skeleton: Union[dict, Sequence[Sequence[int]]], num_joints: Optional[int] = None) -> List[Tuple[int, int]]:
    """The limbs of a skeleton, as pairs of joints.

    Args:
        skeleton (dict | Sequence[Sequence[int]]): Metainfo of the dataset, such as
            ``dict(from_file='configs/_base_/datasets/coco.py')``, whose ``skeleton_info`` names the links; or the pairs
            of indices themselves.
        num_joints (int, optional): Number of joints of the model. Default: not checked.

    Returns:
        list[tuple[int, int]]: One pair of indices for each limb.

    Raises:
        ConfigError: There is no limb, one is no pair of two joints, or the joints are not those of the model.

    Example:
        >>> limbs_of([[0, 1], [1, 2]], num_joints=3)
        [(0, 1), (1, 2)]
    """
    if isinstance(skeleton, dict):
        metainfo = skeleton if 'skeleton_links' in skeleton else parse_pose_metainfo(dict(skeleton))
        skeleton, joints = metainfo['skeleton_links'], len(metainfo['keypoint_id2name'])
        if num_joints not in (None, joints):
            raise ConfigError(f'skeleton: its metainfo has {joints} joints and the model {num_joints}. Give the '
                              'metainfo of the dataset that the model is trained on.')
    limbs = [list(limb) for limb in skeleton or ()]
    if not limbs:
        raise ConfigError('skeleton: no limb given; expected metainfo with a skeleton, such as '
                          "dict(from_file='configs/_base_/datasets/coco.py'), or a list of pairs of joints.")
    for limb in limbs:
        whole = len(limb) == 2 and all(isinstance(joint, Integral) for joint in limb)
        if not whole or limb[0] == limb[1] or min(limb) < 0 or max(limb) >= (num_joints or max(limb) + 1):
            of = '' if num_joints is None else f' below {num_joints}'
            raise ConfigError(f'skeleton: {limb} given, expected the indices of two joints{of}.')
    return [(int(i), int(j)) for i, j in limbs]
