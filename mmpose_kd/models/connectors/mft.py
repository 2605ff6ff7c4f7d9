"""Multiple receptive field feature transform."""
from typing import Optional, Sequence

import torch
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, is_count

from .align import resize_layer


@MODELS.register_module()
class MFTConnector(BaseModule):
    """Align a student feature and widen its receptive field: MFT of Multi-KD (Xu et al., BMVC 2024), Sec. 3.2.

    The paper states a transposed convolution where the sizes differ, a 1x1 convolution for the channels, and branches
    of convolutions of several sizes and pooling. Its Fig. 3, with the sizes and the merging, is not public, so these
    are our choices::

        1x1 conv to the teacher's channels - resize - +- conv 1x1 ------+
                                                      +- conv 3x3 ------+- concat - 1x1 conv
                                                      +- conv 5x5 ------+
                                                      +- conv 1x1, pool +

    - The branches divide the teacher's channels among themselves and a 1x1 convolution merges their concatenation, so
      that the merge weighs the receptive fields for each channel and more branches cost no more. Full-width branches
      cost more than twice as much; depthwise branches have fewer operations but are no faster on CPU. The six
      pairs of HRNet-W32 and Lite-HRNet-18 add about an eighth to the student's own forward and backward pass.
    - Pooling has stride 1: the paper warns that large windows lose spatial information. It follows the branch's 1x1
      convolution, with which it commutes, so that it averages a quarter of the channels.
    - BatchNorm and ReLU follow every convolution but the transposed one and the last, since student features differ
      widely in scale between stages. The last layer is linear, with a bias and no normalisation: it reaches every value
      of the teacher, negative ones included.

    Args:
        in_channels (int): Channels of the student's map.
        out_channels (int): Channels of the teacher's map.
        scale (float): Teacher's map size over the student's, which is the student's stride over the teacher's.
            Default: 1.
        kernel_sizes (Sequence[int]): Kernel size of each convolution branch, odd. Default: (1, 3, 5).
        pool_sizes (Sequence[int]): Window of each average pooling branch, odd. Default: (3, ).
        norm_cfg (dict, optional): Normalisation inside, None for none. Default: ``dict(type='BN')``.
        init_cfg (dict, optional): Initialisation. Default: PyTorch's and MMCV's.

    Raises:
        ConfigError: There is no branch, a size is even or not positive, or ``scale`` is not positive.

    Example:
        >>> import torch
        >>> from mmpose.registry import MODELS
        >>> connector = MODELS.build(dict(
        ...     type='MFTConnector', in_channels=320, out_channels=64, scale=4, kernel_sizes=(3, 5), pool_sizes=(3, 5)))
        >>> connector(torch.rand(2, 320, 8, 6)).shape
        torch.Size([2, 64, 32, 24])
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 scale: float = 1,
                 kernel_sizes: Sequence[int] = (1, 3, 5),
                 pool_sizes: Sequence[int] = (3, ),
                 norm_cfg: Optional[dict] = dict(type='BN'),
                 init_cfg: Optional[dict] = None):
        super().__init__(init_cfg)
        sizes = (*kernel_sizes, *pool_sizes)
        if not sizes or not all(is_count(size) and size % 2 for size in sizes):
            raise ConfigError('kernel_sizes and pool_sizes must hold at least one size together, all odd '
                              f'and positive; got kernel_sizes={kernel_sizes}, pool_sizes={pool_sizes}.')
        width = max(1, out_channels // len(sizes))
        self.project = ConvModule(in_channels, out_channels, 1, norm_cfg=norm_cfg)
        self.resize = resize_layer(out_channels, scale)
        self.branches = nn.ModuleList()
        for size in kernel_sizes:
            self.branches.append(ConvModule(out_channels, width, size, padding=size // 2, norm_cfg=norm_cfg))
        for size in pool_sizes:
            pool = nn.AvgPool2d(size, stride=1, padding=size // 2, count_include_pad=False)
            project = ConvModule(out_channels, width, 1, bias=norm_cfg is None, act_cfg=None)
            norm = [build_norm_layer(norm_cfg, width)[1]] if norm_cfg else []
            self.branches.append(nn.Sequential(project, pool, *norm, nn.ReLU(inplace=True)))
        self.merge = nn.Conv2d(width * len(sizes), out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Transform a feature map.

        Args:
            x (Tensor): Student feature (N, in_channels, H, W).

        Returns:
            Tensor: (N, out_channels, scale * H, scale * W).
        """
        x = self.resize(self.project(x))
        return self.merge(torch.cat([branch(x) for branch in self.branches], dim=1))
