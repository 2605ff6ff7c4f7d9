"""Rebuild the teacher's feature map from a student's that lacks some channels."""
from typing import Optional

from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, is_factor

from .align import ConvAligner


def channel_dropout(drop_ratio: float) -> nn.Dropout2d:
    """Set whole channels to zero, each with this probability, drawn anew for every person and step of training.

    Args:
        drop_ratio (float): Share of the channels that is dropped, at least 0 and below 1.

    Returns:
        nn.Dropout2d: PyTorch's, which multiplies the kept channels by ``1 / (1 - drop_ratio)``, so that the mean stays,
        and does nothing in evaluation.

    Raises:
        ConfigError: The ratio is no number of that range.

    Example:
        >>> channel_dropout(0.15)
        Dropout2d(p=0.15, inplace=False)
    """
    if not is_factor(drop_ratio) or drop_ratio >= 1:
        raise ConfigError(f'drop_ratio={drop_ratio!r} given, expected a number of at least 0 and below 1.')
    return nn.Dropout2d(drop_ratio)


@MODELS.register_module()
class ChannelDropoutConnector(BaseModule):
    """Intermediate distillation of CDKD (channel dropout knowledge distillation), as a connector.

    The student's feature is aligned linearly, some of its channels are dropped, and a generator (3x3, ReLU, 3x3) must
    rebuild the *whole* teacher map from the rest: ``G(dropout(align(F_s)))``, which a
    :class:`FeatureObjective <mmpose_kd.models.objectives.FeatureObjective>` compares with ``F_t``.

    Of CDKD only the abstract is public; it names channel dropout and no formula. This is our reading, the form that
    MGD (Yang et al., ECCV 2022) uses for classification. Two things differ from MGD. Its loss is the squared error
    summed over channels and positions with weight 7e-5; ``FeatureMSELoss`` is the mean, so that the same weight is
    ``7e-5 * C * H * W`` with the size of the teacher's map: far too much beside a heatmap loss, so that our configs
    normalise the features and take a weight in proportion to that. And the kept channels are scaled by
    ``1 / (1 - p)``, which the generator's first convolution can undo.

    Args:
        in_channels (int): Channels of the student's map.
        out_channels (int): Channels of the teacher's map.
        scale (float): Teacher's map size over the student's. Default: 1.
        drop_ratio (float): Share of the aligned channels that is dropped. Default: 0.15, as in MGD.
        init_cfg (dict, optional): Initialisation. Default: PyTorch's.

    Raises:
        ConfigError: ``scale`` is not positive or ``drop_ratio`` not in [0, 1).

    Example:
        >>> import torch
        >>> from mmpose.registry import MODELS
        >>> connector = MODELS.build(dict(
        ...     type='ChannelDropoutConnector', in_channels=512, out_channels=256, scale=1, drop_ratio=0.15))
        >>> connector(torch.rand(2, 512, 8, 6)).shape
        torch.Size([2, 256, 8, 6])
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 scale: float = 1,
                 drop_ratio: float = 0.15,
                 init_cfg: Optional[dict] = None):
        super().__init__(init_cfg)
        self.align = ConvAligner(in_channels, out_channels, scale)
        self.dropout = channel_dropout(drop_ratio)
        self.generator = nn.Sequential(
            nn.Conv2d(out_channels, out_channels, 3, padding=1), nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Rebuild the teacher's map.

        Args:
            x (Tensor): Student feature (N, in_channels, H, W).

        Returns:
            Tensor: (N, out_channels, scale * H, scale * W).
        """
        return self.generator(self.dropout(self.align(x)))
