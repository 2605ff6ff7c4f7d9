"""Attention-based fusion of a stage with the deeper ones."""
from typing import Optional, Tuple, cast

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from .scale import check_scale, scaled


@MODELS.register_module()
class ABFConnector(BaseModule):
    """Fuse a student feature with what the deeper stages gave: ABF of ReviewKD (Chen et al., CVPR 2021), Sec. 3.

    The stages are fused from deep to shallow. Each hands the fused map to the next shallower one::

        feature - 1x1 conv, BN -+------ x gate 1 -+
                                | gates           + - resize -+- 3x3 conv, BN -> compared with the teacher's
        deeper fused - enlarge -+------ x gate 2 -+           +-> the next shallower stage

    The gates are one value between 0 and 1 for each position: a 1x1 convolution of both maps' concatenation, and a
    sigmoid. The deepest stage has nothing to fuse, and no gates. Widths, normalisation and the resize by the nearest
    neighbour are the authors' code; its classification variant takes square maps only, this takes any.

    Args:
        in_channels (int): Channels of the student's map.
        out_channels (int): Channels of the teacher's map.
        mid_channels (int): Channels of the fused maps, the same in all stages that are fused.
        scale (float): Teacher's map size over the student's, which is the student's stride over the teacher's.
            Default: 1.
        fuse (bool): Whether there is a deeper stage. Default: True.
        init_cfg (dict, optional): Initialisation. Default: PyTorch's.

    Raises:
        ConfigError: ``scale`` is not positive.

    Example:
        >>> import torch
        >>> from mmpose.registry import MODELS
        >>> deep = MODELS.build(dict(
        ...     type='ABFConnector', in_channels=320, out_channels=256, mid_channels=320, fuse=False))
        >>> shallow = MODELS.build(dict(type='ABFConnector', in_channels=160, out_channels=128, mid_channels=320))
        >>> output, fused = deep(torch.rand(2, 320, 4, 3))
        >>> output.shape
        torch.Size([2, 256, 4, 3])
        >>> output, fused = shallow(torch.rand(2, 160, 8, 6), fused)
        >>> output.shape
        torch.Size([2, 128, 8, 6])
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 mid_channels: int,
                 scale: float = 1,
                 fuse: bool = True,
                 init_cfg: Optional[dict] = None):
        super().__init__(init_cfg)
        self.scale = check_scale(scale)
        self.project = nn.Sequential(nn.Conv2d(in_channels, mid_channels, 1, bias=False), nn.BatchNorm2d(mid_channels))
        self.gates = nn.Sequential(nn.Conv2d(2 * mid_channels, 2, 1), nn.Sigmoid()) if fuse else None
        self.merge = nn.Sequential(
            nn.Conv2d(mid_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor, deeper: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
        """Fuse and transform a feature map.

        Args:
            x (Tensor): Student feature (N, in_channels, H, W).
            deeper (Tensor, optional): Fused map of the next deeper stage (N, mid_channels, h, w), of any size; only
                with ``fuse=True``.

        Returns:
            tuple[Tensor, Tensor]: What is compared with the teacher's feature, (N, out_channels, scale * H, scale * W),
            and the fused map, (N, mid_channels, scale * H, scale * W).
        """
        x = self.project(x)
        if self.gates is not None:
            deeper = F.interpolate(cast(Tensor, deeper), x.shape[2:], mode='nearest')
            gates = self.gates(torch.cat([x, deeper], dim=1))
            x = gates[:, :1] * x + gates[:, 1:] * deeper
        if self.scale != 1:
            x = F.interpolate(x, scaled(x.shape[2:], self.scale), mode='nearest')
        return self.merge(x), x
