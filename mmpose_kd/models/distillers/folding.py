"""A frozen model whose BatchNorm layers are part of its convolutions."""
import copy
from typing import Iterator, Sequence, Tuple

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.logging import print_log
from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from mmpose_kd.errors import ConfigError, first_line
from mmpose_kd.models.taps import Recorder, tensors

TOLERANCE = 1e-3  # of the largest value; rounding leaves about 1e-6


@torch.no_grad()
def fold_batch_norms(model: TopdownPoseEstimator, taps: Sequence[str], size: Tuple[int, int]) -> TopdownPoseEstimator:
    """A pose estimator in evaluation mode with the BatchNorms of its backbone and neck in the convolutions before them.

    MMCV's ``fuse_conv_bn`` takes a BatchNorm that is registered behind a convolution for one that runs behind it. So
    both models answer one image of noise, and where an output or a tap differs, the model is left as it is.

    Args:
        model (TopdownPoseEstimator): The pose estimator, in float32; it is not changed.
        taps (Sequence[str]): Paths whose values have to stay the same.
        size (tuple[int, int]): Input size (w, h) in pixels.

    Returns:
        TopdownPoseEstimator: A model without these layers, or the model itself.

    Example::

        model = fold_batch_norms(model.eval(), ['backbone.layer3'], (192, 256))
    """
    parts = [name for name in ('backbone', 'neck') if getattr(model, name, None) is not None]
    modules = [module for name in parts for module in getattr(model, name).modules()]
    if not any(isinstance(module, _BatchNorm) for module in modules):
        return model
    image = torch.randn(1, 3, size[1], size[0], generator=torch.Generator().manual_seed(0))
    try:
        folded = copy.deepcopy(model)
        for name in parts:
            fuse_conv_bn(getattr(folded, name))
        pairs = list(zip(_answer(model, taps, image), _answer(folded, taps, image)))
        reason = '' if all(_equal(*pair) for pair in pairs) else 'its outputs or taps would be others'
    except (RuntimeError, TypeError, KeyError, ConfigError) as error:
        # no affine weights; a weight that is computed, as by spectral_norm; an input it does not take; a tap
        reason = first_line(error)
    if reason:
        print_log(f'model.teacher: its BatchNorms stay apart from its convolutions, which makes it slower: {reason}',
                  'current')
        return model
    return folded.requires_grad_(False)


def _answer(model: TopdownPoseEstimator, taps: Sequence[str], image: Tensor) -> Iterator[Tensor]:
    with Recorder(model, taps, 'teacher_taps').record() as record:
        model.head.forward(model.extract_feat(image))
    return tensors([record.outputs, *record.taps.values()])


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool((a - b).abs().max() <= TOLERANCE * a.abs().max())
