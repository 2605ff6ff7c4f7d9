"""The head of a network that has several stages in training and one in evaluation."""
from typing import List, Sequence, Union

from mmpose.models.heads import CPMHead
from mmpose.registry import MODELS
from mmpose.utils.typing import OptSampleList
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.labels import heatmap_labels


@MODELS.register_module()
class LSPDHead(CPMHead):
    """MMPose's ``CPMHead``, which in evaluation takes the first stage alone.

    The stock head trains every stage on the labels, but needs all of them in evaluation too.
    :class:`LSPDNet <mmpose_kd.models.backbones.LSPDNet>` then returns one. What is deployed is a stock ``CPMHead`` with
    one stage. The accuracy ``acc_pose`` that training logs is that of the last stage, as with the stock head;
    validation and test see the first.

    Args:
        in_channels (int | Sequence[int]): Channels of each stage's map; the number of keypoints for heatmaps.
        out_channels (int): Number of keypoints.
        num_stages (int): Number of stages in training.
        **kwargs: Other arguments of ``CPMHead``; ``final_layer=None`` where the stages return heatmaps.

    Raises:
        ConfigError: In the first step, the backbone returns another number of stages or channels.

    Example:
        >>> import torch
        >>> head = MODELS.build(dict(
        ...     type='LSPDHead', in_channels=17, out_channels=17, num_stages=3, final_layer=None))
        >>> len(head.train()([torch.rand(1, 17, 16, 16)] * 3)), len(head.eval()([torch.rand(1, 17, 16, 16)]))
        (3, 1)
    """

    def __init__(self, in_channels: Union[int, Sequence[int]], out_channels: int, num_stages: int, **kwargs):
        super().__init__(in_channels, out_channels, num_stages, **kwargs)
        self.training_only = tuple(
            f'{layers}.{stage}' for layers in ('multi_deconv_layers', 'multi_final_layers')
            for stage in range(1, num_stages))

    @staticmethod
    def deployed(cfg: dict) -> dict:
        """Config of the head that is deployed: MMPose's ``CPMHead`` of one stage."""
        plain = {**cfg, 'type': 'CPMHead', 'num_stages': 1}
        if isinstance(cfg.get('loss'), (list, tuple)):  # one for each stage
            plain['loss'] = cfg['loss'][0]
        return plain

    def forward(self, feats: Sequence[Tensor]) -> List[Tensor]:
        """Heatmaps of the stages.

        Args:
            feats (Sequence[Tensor]): One map of each stage in training, of the first in evaluation.

        Returns:
            list[Tensor]: Heatmaps (N, K, H, W), first stage first.
        """
        expected = self.num_stages if self.training else 1
        if len(feats) != expected:
            raise ConfigError(f'LSPDHead: the backbone returns {len(feats)} maps, expected {expected}: one of each '
                              'stage in training, one in evaluation. Give LSPDNet and LSPDHead the same num_stages.')
        given = self.in_channels[0] if isinstance(self.in_channels, (list, tuple)) else self.in_channels
        if feats[0].shape[1] != given:
            raise ConfigError(f'LSPDHead: in_channels={given!r} given, but the maps have {feats[0].shape[1]} channels.')
        layers = zip(feats, self.multi_deconv_layers, self.multi_final_layers)
        return [final(deconv(feat)) for feat, deconv, final in layers]

    def loss(self, feats: Sequence[Tensor], batch_data_samples: OptSampleList, train_cfg: dict = {}) -> dict:
        """Losses on the labels.

        Args:
            feats (Sequence[Tensor]): One map of each stage in training, of the first in evaluation.
            batch_data_samples (list[PoseDataSample]): Annotations with heatmaps.
            train_cfg (dict): Unused.

        Returns:
            dict: ``loss_kpt``, the sum over the stages, and ``acc_pose``; scalars. In evaluation, where there is one
            stage, its ``loss_kpt`` alone.
        """
        if self.training:
            return super().loss(feats, batch_data_samples, train_cfg)
        target, weights = heatmap_labels(batch_data_samples)
        first = self.loss_module[0] if isinstance(self.loss_module, nn.ModuleList) else self.loss_module
        return dict(loss_kpt=first(self.forward(feats)[0], target, weights))
