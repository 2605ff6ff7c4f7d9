"""HRNet with group convolution and channel shuffle."""
import copy
from typing import Union, cast

import torch.utils.checkpoint as cp
from mmcv.cnn import build_norm_layer
from mmpose.models.backbones.hrnet import HRNet
from mmpose.models.backbones.resnet import BasicBlock, Bottleneck
from mmpose.models.backbones.utils import channel_shuffle
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, did_you_mean, is_count


class ShuffleConv2d(nn.Conv2d):
    """A convolution before which the input's channels are shuffled, so that its groups see those of the last layer.

    Args:
        *args: See :class:`torch.nn.Conv2d`.
        shuffle (int): Number of groups whose channels are interleaved; 1 leaves them in order. Default: 1.
        **kwargs: See :class:`torch.nn.Conv2d`.
    """

    def __init__(self, *args, shuffle: int = 1, **kwargs):
        super().__init__(*args, **kwargs)
        self.shuffle = shuffle

    def forward(self, x: Tensor) -> Tensor:
        """Shuffle and convolve (N, C, H, W)."""
        return super().forward(channel_shuffle(x, self.shuffle) if self.shuffle > 1 else x)


class ShuffleV1Unit(Bottleneck):
    """ShuffleNet v1's unit (Zhang et al., CVPR 2018, Fig. 2b) without its squeeze: all layers have the same width.

    1x1 group convolution, BN, ReLU, channel shuffle, 3x3 depthwise convolution, BN, 1x1 group convolution, BN, identity
    added, ReLU. It is built dense, as MMPose's residual blocks are, until :func:`group_block` has been called.
    """

    expansion = 1

    def __init__(self, in_channels: int, out_channels: int, **kwargs):
        super().__init__(in_channels, out_channels, expansion=1, **kwargs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        if self.with_cp and x.requires_grad:
            return cp.checkpoint(self._forward, x, use_reentrant=False)
        return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        return self.relu(self.norm3(self.conv3(out)) + identity)


def grouped(conv: nn.Conv2d, groups: int, shuffle: int = 1) -> nn.Conv2d:
    """A new convolution of the same size and name in groups, which first shuffles its input.

    Args:
        conv (nn.Conv2d): The dense convolution; it is not changed.
        groups (int): Groups of the new one.
        shuffle (int): Groups that are shuffled. Default: 1.

    Returns:
        nn.Conv2d: With fresh weights.

    Raises:
        ConfigError: The channels cannot be divided into so many groups.
    """
    for g in (groups, shuffle):
        if not is_count(g) or conv.in_channels % g or conv.out_channels % groups:
            raise ConfigError(f'ShuffleHRNet: {g!r} groups given for a convolution of {conv.in_channels} to '
                              f'{conv.out_channels} channels; expected a whole number that divides both.')
    return ShuffleConv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
        groups=groups,
        bias=conv.bias is not None,
        shuffle=shuffle)


def group_block(block: Union[BasicBlock, Bottleneck], groups: int) -> None:
    """Group a residual block's convolutions in place, with a channel shuffle between one and the next.

    Args:
        block (BasicBlock | Bottleneck): The block; its shortcut stays dense.
        groups (int): Number of groups; 1 leaves all but a :class:`ShuffleV1Unit` as it is.
    """
    depthwise = isinstance(block, ShuffleV1Unit)
    if groups == 1 and not depthwise:
        return
    block.conv1 = grouped(block.conv1, groups)
    block.conv2 = grouped(block.conv2, block.conv2.in_channels if depthwise else groups, shuffle=groups)
    if isinstance(block, Bottleneck):
        block.conv3 = grouped(block.conv3, groups, shuffle=1 if depthwise else groups)


def lighten_fusion(fuse_layers: nn.Module, groups: Union[int, str], norm_cfg: dict) -> None:
    """Lighten the strided 3x3 convolutions that fuse a branch into coarser ones, in place.

    Args:
        fuse_layers (nn.Module): Those of one of HRNet's modules.
        groups (int | str): Number of groups, or ``'depthwise'`` for a 3x3 depthwise and a 1x1 convolution in its place.
        norm_cfg (dict): Of the normalisation between those two.
    """
    if groups == 1:
        return
    for layer in list(fuse_layers.modules()):
        if not isinstance(layer, nn.Sequential):
            continue
        conv = layer[0]
        if not isinstance(conv, nn.Conv2d) or conv.kernel_size != (3, 3):
            continue
        if groups == 'depthwise':
            width = conv.in_channels
            layer[0] = nn.Sequential(
                nn.Conv2d(width, width, 3, conv.stride[0], padding=1, groups=width, bias=False),
                build_norm_layer(norm_cfg, width)[1],
                nn.Conv2d(width, conv.out_channels, 1, bias=False))
        else:
            count = cast(int, groups)  # grouped() refuses what is none
            layer[0] = grouped(conv, count, shuffle=count)


@MODELS.register_module()
class ShuffleHRNet(HRNet):
    """HRNet made light by group convolution and channel shuffle: the student of S-HRNet.

    Only the paper's abstract is public: HRNet with group convolution and channel shuffle, taught offline by HRNet's
    predictions together with the labels. Which convolutions are grouped, and into how many groups, is our reading:

    - stages 2 to 4: every block, of kind ``block``, in ``groups``;
    - ``stage1_groups`` and ``fuse_groups`` for what then costs most, the bottlenecks of stage 1 and the strided 3x3
      convolutions of the fusions; both dense unless set;
    - stem, transitions, 1x1 fusions and shortcuts stay dense, so that the groups mix there too;
    - between two grouped convolutions the channels are shuffled, as in ShuffleNet v1.

    Topology, options and names of the weights are HRNet's, so that MMEngine's ``Pretrained`` loads an HRNet checkpoint
    where shapes allow and logs by name what did not fit. In a list of initialisations it comes last wherever it stands.

    Size of HRNet-W32, 256x192, with a heatmap head of 17 joints (weights and biases; multiply-adds of convolutions):

    ==================================================================  ========  ======
    arguments                                                           params M  GMACs
    ==================================================================  ========  ======
    ``groups=1``: HRNet                                                 28.54     7.65
    ``groups=2``                                                        15.85     4.70
    ``groups=4``                                                        9.51      3.23
    ``groups=8``                                                        6.34      2.49
    ``groups=8, fuse_groups=8``                                         4.60      2.19
    ``groups=8, fuse_groups=8, stage1_groups=8``                        4.37      1.47
    ``block='SHUFFLE_V1', groups=4``                                    3.99      1.97
    ``block='SHUFFLE_V1', groups=4, fuse_groups='depthwise'``           2.23      1.66
    ==================================================================  ========  ======

    Args:
        extra (dict): HRNet's stages, as for MMPose's ``HRNet``. Its ``'BASIC'`` blocks are those that ``block`` names.
        block (str): ``'GROUPED_BASIC'``, a BasicBlock whose two 3x3 convolutions are grouped, or ``'SHUFFLE_V1'``, see
            :class:`ShuffleV1Unit`. Default: 'GROUPED_BASIC'.
        groups (int): Groups of the blocks of stages 2 to 4; must divide the channels of every branch. Default: 4.
        stage1_groups (int): Groups of the blocks of stage 1. Default: 1.
        fuse_groups (int | str): Groups of the 3x3 convolutions of the fusions, or ``'depthwise'`` for depthwise
            separable ones. Default: 1.
        **kwargs: See MMPose's ``HRNet``.

    Raises:
        ConfigError: The kind of block is unknown, a stage is missing, groups do not divide channels, or ``conv_cfg`` is
            not that of plain convolutions.

    Example:
        >>> import torch
        >>> extra = dict(
        ...     stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(1, ), num_channels=(8, )),
        ...     stage2=dict(num_modules=1, num_branches=2, block='BASIC', num_blocks=(1, 1), num_channels=(8, 16)),
        ...     stage3=dict(
        ...         num_modules=1, num_branches=3, block='BASIC', num_blocks=(1, 1, 1), num_channels=(8, 16, 32)),
        ...     stage4=dict(
        ...         num_modules=1, num_branches=4, block='BASIC', num_blocks=(1, 1, 1, 1),
        ...         num_channels=(8, 16, 32, 64)))
        >>> backbone = MODELS.build(dict(type='ShuffleHRNet', extra=extra, groups=4, fuse_groups=4, init_cfg=[
        ...     dict(type='Kaiming', layer='Conv2d'),
        ...     # and an HRNet's weights: dict(type='Pretrained', checkpoint='hrnet.pth', prefix='backbone.')
        ... ]))
        >>> backbone(torch.rand(1, 3, 64, 64))[0].shape
        torch.Size([1, 8, 16, 16])
    """

    kinds = ('GROUPED_BASIC', 'SHUFFLE_V1')
    blocks_dict = {**HRNet.blocks_dict, 'GROUPED_BASIC': BasicBlock, 'SHUFFLE_V1': ShuffleV1Unit}

    def __init__(self,
                 extra: dict,
                 block: str = 'GROUPED_BASIC',
                 groups: int = 4,
                 stage1_groups: int = 1,
                 fuse_groups: Union[int, str] = 1,
                 **kwargs):
        if block not in self.kinds:
            raise ConfigError(f'ShuffleHRNet: block={block!r} given, expected one of {self.kinds}.'
                              f'{did_you_mean(str(block), self.kinds)}')
        conv_cfg = kwargs.get('conv_cfg')
        if conv_cfg is not None and conv_cfg.get('type') not in ('Conv', 'Conv2d'):
            raise ConfigError(f'ShuffleHRNet: conv_cfg={conv_cfg!r} given, but its grouped convolutions are plain '
                              'ones. Drop it, or take an HRNet.')
        extra = copy.deepcopy(extra)
        for stage in ('stage1', 'stage2', 'stage3', 'stage4'):
            if not isinstance(extra.get(stage), dict) or 'block' not in extra[stage]:
                raise ConfigError(f"ShuffleHRNet: extra['{stage}']={extra.get(stage)!r} given; expected a dict with "
                                  "the stage of an HRNet: num_modules, num_branches, block, num_blocks, num_channels.")
            if stage != 'stage1' and extra[stage]['block'] == 'BASIC':
                extra[stage]['block'] = block
        super().__init__(extra, **kwargs)
        for residual in self.layer1:
            group_block(residual, stage1_groups)
        for module in (*self.stage2, *self.stage3, *self.stage4):
            for branch in module.branches:
                for residual in branch:
                    group_block(residual, groups)
            lighten_fusion(module.fuse_layers, fuse_groups, self.norm_cfg)
        self._freeze_stages()  # the new layers too
