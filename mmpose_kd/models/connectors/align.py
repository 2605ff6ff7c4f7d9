"""Bring a student feature map to the channels and the size of the teacher's."""
from typing import Optional

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from .scale import check_scale, scaled, whole_factor


class Bilinear(nn.Module):
    """Bilinear interpolation to a map ``scale`` times as high and wide, rounded to whole cells.

    Args:
        scale (float): Output size over input size.
    """

    def __init__(self, scale: float):
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, scale * H, scale * W)."""
        return F.interpolate(x, scaled(x.shape[2:], self.scale), mode='bilinear', align_corners=False)


def resize_layer(channels: int, scale: float) -> nn.Module:
    """A layer that makes a feature map ``scale`` times as high and wide.

    Enlarging by a whole factor is a transposed convolution, as in Sec. 3.2 of Multi-KD (Xu et al., BMVC 2024), with a
    kernel of twice its stride so that neighbouring inputs overlap in the output. The paper does not say what happens
    where the student's map is the larger one, or where the factor is no whole number (teacher and student with
    different input sizes): shrinking by a whole factor is average pooling, which rounds up as a convolution of that
    stride does, and averages over what there is at the border; any other factor is bilinear interpolation.
    A factor counts as whole within a thousandth of it, as a stride such as 10.667 is a rounded one.

    Args:
        channels (int): Channels of the map, in and out.
        scale (float): Output size over input size, which is the student's stride over the teacher's.

    Returns:
        nn.Module: Maps (N, channels, H, W) to (N, channels, scale * H, scale * W).

    Raises:
        ConfigError: ``scale`` is not positive.

    Example:
        >>> import torch
        >>> resize_layer(8, 4)(torch.rand(1, 8, 6, 4)).shape
        torch.Size([1, 8, 24, 16])
    """
    stride = whole_factor(check_scale(scale))
    if not stride:
        return Bilinear(scale)
    if stride == 1:
        return nn.Identity()
    if scale < 1:
        return nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False)
    kernel_size = 2 * stride - stride % 2
    return nn.ConvTranspose2d(channels, channels, kernel_size, stride, padding=(kernel_size - stride) // 2)


@MODELS.register_module()
class ConvAligner(BaseModule):
    """Align a student feature linearly: ``f_align`` of Eq. 1 in Multi-KD (Xu et al., BMVC 2024), without MFT.

    A 1x1 convolution to the teacher's channels, then :func:`resize_layer` where the sizes differ. Both are linear, so
    the result can take either sign, and nothing stands between the student's feature and the teacher's. The paper gives
    no order: channels first, because the resize is then done in the teacher's (on large maps fewer) channels.

    Args:
        in_channels (int): Channels of the student's map.
        out_channels (int): Channels of the teacher's map.
        scale (float): Teacher's map size over the student's, which is the student's stride over the teacher's.
            Default: 1.
        init_cfg (dict, optional): Initialisation. Default: PyTorch's.

    Raises:
        ConfigError: ``scale`` is not positive.

    Example:
        >>> import torch
        >>> from mmpose.registry import MODELS
        >>> connector = MODELS.build(dict(type='ConvAligner', in_channels=160, out_channels=64, scale=2))
        >>> connector(torch.rand(2, 160, 16, 12)).shape
        torch.Size([2, 64, 32, 24])
    """

    def __init__(self, in_channels: int, out_channels: int, scale: float = 1, init_cfg: Optional[dict] = None):
        super().__init__(init_cfg)
        self.project = nn.Conv2d(in_channels, out_channels, 1)
        self.resize = resize_layer(out_channels, scale)

    def forward(self, x: Tensor) -> Tensor:
        """Align a feature map.

        Args:
            x (Tensor): Student feature (N, in_channels, H, W).

        Returns:
            Tensor: (N, out_channels, scale * H, scale * W).
        """
        return self.resize(self.project(x))
