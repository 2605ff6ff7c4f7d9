"""A backbone and a short sequence of stages, each of which refines the last one's heatmaps."""
from typing import Optional, Sequence, Tuple

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, normal_init
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, build, check_count, is_count, map_at


class MultiScaleBlock(nn.Module):
    r"""A light residual block that looks at several scales: parallel depthwise convolutions, one for each kernel size.

    .. math:: y = relu(x + W \sum_k relu(D_k x))

    with D_k a depthwise k x k convolution and W a 1x1 convolution, both with BN. Without a nonlinearity before the sum
    the branches would be one convolution of the largest kernel.

    Args:
        channels (int): Channels of input and output.
        kernel_sizes (Sequence[int]): Odd kernel sizes.
        norm_cfg (dict): Normalisation.
    """

    def __init__(self, channels: int, kernel_sizes: Sequence[int], norm_cfg: dict):
        super().__init__()
        self.scales = nn.ModuleList(
            ConvModule(channels, channels, size, padding=size // 2, groups=channels, norm_cfg=norm_cfg)
            for size in kernel_sizes)
        self.mix = ConvModule(channels, channels, 1, norm_cfg=norm_cfg, act_cfg=None)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return self.relu(x + self.mix(sum(scale(x) for scale in self.scales)))


class Stage(nn.Sequential):
    """From a feature to heatmaps: 1x1 convolution, some :class:`MultiScaleBlock`, 1x1 convolution.

    Args:
        in_channels (int): Channels of the feature.
        channels (int): Channels inside.
        num_keypoints (int): Number of heatmaps.
        num_blocks (int): Number of blocks.
        kernel_sizes (Sequence[int]): Kernel sizes of the blocks.
        norm_cfg (dict): Normalisation.
    """

    def __init__(self, in_channels: int, channels: int, num_keypoints: int, num_blocks: int,
                 kernel_sizes: Sequence[int], norm_cfg: dict):
        heatmaps = nn.Conv2d(channels, num_keypoints, 1)
        normal_init(heatmaps, std=0.001)  # as MMPose's heatmap heads do
        super().__init__(
            ConvModule(in_channels, channels, 1, norm_cfg=norm_cfg),
            *(MultiScaleBlock(channels, kernel_sizes, norm_cfg) for _ in range(num_blocks)), heatmaps)


@MODELS.register_module()
class LSPDNet(BaseModule):
    r"""Backbone and stages of LSPD (Zhang et al., IEEE Sensors Journal 2023): the last stage teaches the earlier ones.

    Only the abstract and the opening of the paper are public: one branch trained end to end, a small number of light
    stages of multi-scale residual blocks, of which the backbone and the first stage are deployed. What a stage
    receives and what is in a block is our reading. As in Convolutional Pose Machines (Wei et al., CVPR 2016), whose
    words the paper takes up, with F the backbone's feature:

    .. math:: H_1 = S_1(F), \quad H_t = S_t([F, H_{t-1}]) \quad t > 1

    In training all stages run; in evaluation only the first does, whatever ``num_stages`` is. The later ones are
    ``training_only``: under a distiller they are in no ``state_dict``, and are resumed. The heatmaps need no further
    layer, so that the head is :class:`LSPDHead <mmpose_kd.models.heads.LSPDHead>` with ``final_layer=None``.

    Args:
        backbone (dict): Config of a backbone, such as MMPose's ``LiteHRNet``.
        in_channels (int): Channels of the map that is used.
        num_keypoints (int): Number of keypoints, K.
        channels (int): Channels inside a stage. Default: 64.
        num_stages (int): Number of stages; 1 is the deployed network. Default: 3.
        num_blocks (int): Blocks in each stage. Default: 2.
        kernel_sizes (Sequence[int]): Odd kernel sizes of the parallel convolutions. Default: (3, 5, 7).
        in_index (int): Which of the backbone's maps is used; the heatmaps have its resolution. Default: -1.
        norm_cfg (dict): Normalisation of the stages. Default: ``dict(type='BN')``.
        init_cfg (dict, optional): Initialisation; the backbone has its own.

    Raises:
        ConfigError: A number is not a positive integer, a kernel size is even, or the backbone has no such map, or
            one of other channels.

    Example:
        >>> import torch
        >>> net = MODELS.build(dict(
        ...     type='LSPDNet', num_keypoints=17, in_channels=64, num_stages=3,
        ...     backbone=dict(
        ...         type='ResNet', depth=18, num_stages=1, strides=(1, ), dilations=(1, ), out_indices=(0, ))))
        >>> [heatmaps.shape for heatmaps in net.train()(torch.rand(2, 3, 64, 64))]
        [torch.Size([2, 17, 16, 16]), torch.Size([2, 17, 16, 16]), torch.Size([2, 17, 16, 16])]
        >>> [heatmaps.shape for heatmaps in net.eval()(torch.rand(2, 3, 64, 64))]
        [torch.Size([2, 17, 16, 16])]
    """

    training_only = ('later_stages', )

    def __init__(self,
                 backbone: dict,
                 in_channels: int,
                 num_keypoints: int,
                 channels: int = 64,
                 num_stages: int = 3,
                 num_blocks: int = 2,
                 kernel_sizes: Sequence[int] = (3, 5, 7),
                 in_index: int = -1,
                 norm_cfg: dict = dict(type='BN'),
                 init_cfg: Optional[dict] = None):
        super().__init__(init_cfg)
        counts = dict(in_channels=in_channels, num_keypoints=num_keypoints, channels=channels, num_stages=num_stages,
                      num_blocks=num_blocks)
        for name, value in counts.items():
            check_count(f'LSPDNet: {name}', value)
        sizes = kernel_sizes if isinstance(kernel_sizes, (list, tuple)) else ()
        if not sizes or not all(is_count(size) and size % 2 for size in sizes):
            raise ConfigError(f'LSPDNet: kernel_sizes={kernel_sizes!r} given, expected odd sizes such as (3, 5, 7), '
                              'which keep the resolution.')
        self.backbone = build(MODELS, backbone, 'LSPDNet.backbone')
        self.in_channels, self.in_index = in_channels, in_index
        inside = (channels, num_keypoints, num_blocks, kernel_sizes, norm_cfg)
        self.first_stage = Stage(in_channels, *inside)
        self.later_stages = nn.ModuleList(
            Stage(in_channels + num_keypoints, *inside) for _ in range(num_stages - 1))

    @staticmethod
    def deployed(cfg: dict) -> dict:
        """Config of what is deployed: backbone and first stage."""
        return {**cfg, 'num_stages': 1}

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        """Heatmaps of all stages in training, and of the first in evaluation.

        Args:
            x (Tensor): Images (N, 3, H, W).

        Returns:
            tuple[Tensor]: Heatmaps (N, K, h, w), first stage first.
        """
        feat = map_at('LSPDNet: in_index', self.in_index, self.backbone(x))
        if not torch.jit.is_tracing() and feat.shape[1] != self.in_channels:
            raise ConfigError(f'LSPDNet: map {self.in_index} of the backbone has the shape {tuple(feat.shape[1:])}, '
                              f'expected {self.in_channels} channels. Change in_channels, in_index or the backbone\'s '
                              'out_indices.')
        heatmaps = [self.first_stage(feat)]
        for stage in self.later_stages if self.training else ():
            heatmaps.append(stage(torch.cat((feat, heatmaps[-1]), dim=1)))
        return tuple(heatmaps)
