"""A heatmap head that predicts once more from a feature that lacks some channels."""
from typing import Sequence, Tuple, Union

from mmpose.models.heads import HeatmapHead
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.connectors.channel_dropout import channel_dropout


@MODELS.register_module()
class ChannelDropoutHead(HeatmapHead):
    """Final distillation of CDKD (channel dropout knowledge distillation): a second output of MMPose's ``HeatmapHead``.

    In training the last convolution runs twice: on the last feature, for the labels, and on the same feature with some
    channels dropped, for the teacher. The second result is the output of the module ``dropped``, where an objective
    taps it; the head returns the first. There are no further parameters, and nothing is added in evaluation: a
    checkpoint is one of ``HeatmapHead``, with the same size and cost.

    Of CDKD only the abstract is public; that the distilled branch, and not the one of the labels, sees the dropped
    feature is our reading.

    Args:
        in_channels (int | Sequence[int]): Channels of the feature map.
        out_channels (int): Number of keypoints.
        drop_ratio (float): Share of the channels that is dropped. Default: 0.15.
        **kwargs: Other arguments of ``HeatmapHead``. ``final_layer`` must not be None.

    Raises:
        ConfigError: ``drop_ratio`` is not in [0, 1), or there is no last convolution.

    Example:
        >>> model = dict(
        ...     head=dict(type='ChannelDropoutHead', drop_ratio=0.15),  # was HeatmapHead
        ...     objectives=dict(loss_okd=dict(
        ...         type='OutputObjective', student_output='head.dropped', weight=0.5,
        ...         loss=dict(type='HeatmapKDLoss'))))
    """

    def __init__(self, in_channels: Union[int, Sequence[int]], out_channels: int, drop_ratio: float = 0.15, **kwargs):
        super().__init__(in_channels, out_channels, **kwargs)
        if isinstance(self.final_layer, nn.Identity):
            raise ConfigError('ChannelDropoutHead: final_layer=None given, expected a convolution whose input channels '
                              'are dropped; leave final_layer out.')
        self.dropout = channel_dropout(drop_ratio)
        self.dropped = nn.Identity()

    @staticmethod
    def deployed(cfg: dict) -> dict:
        """Config of the head that is deployed: MMPose's ``HeatmapHead``."""
        return {**{k: v for k, v in cfg.items() if k != 'drop_ratio'}, 'type': 'HeatmapHead'}

    def forward(self, feats: Tuple[Tensor]) -> Tensor:
        """Heatmaps from the whole feature.

        Args:
            feats (tuple[Tensor]): Feature maps; the last one is used.

        Returns:
            Tensor: Heatmaps (N, K, H, W).
        """
        x = self.conv_layers(self.deconv_layers(feats[-1]))
        if self.training:
            self.dropped(self.final_layer(self.dropout(x)))
        return self.final_layer(x)
