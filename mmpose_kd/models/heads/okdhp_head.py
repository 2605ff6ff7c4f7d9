"""A heatmap head with further branches, whose ensemble teaches all of them."""
from typing import List, Sequence, Union

import torch
from mmcv.cnn import ConvModule
from mmengine.model import ModuleList
from mmpose.models.heads import HeatmapHead
from mmpose.registry import MODELS
from mmpose.utils.typing import OptSampleList
from torch import Tensor, nn

from mmpose_kd.errors import check_count, check_factor
from mmpose_kd.models.labels import heatmap_labels


class FeatureAggregationUnit(nn.Module):
    r"""Weighs the branches' heatmaps, joint by joint, by what is in the feature that they share: OKDHP's FAU.

    .. math::
        z = W \, GAP\Big(\sum_{k \in \{3, 5, 7\}} relu(C_k x)\Big), \quad
        a_{\cdot j} = softmax_b(V_b z)_j, \quad E_j = \sum_b a_{bj} H_{bj}

    with C_k a k x k convolution with BN, W and V_b fully connected, b the branch and j the joint. So it is in the
    released code; the paper's figure also has a path of average pooling.

    Args:
        in_channels (int): Channels of the shared feature.
        num_keypoints (int): Number of joints, K.
        num_branches (int): Number of branches, B.
        channels (int): Channels of the convolutions; the squeezed feature z has a quarter.
    """

    def __init__(self, in_channels: int, num_keypoints: int, num_branches: int, channels: int):
        super().__init__()
        self.convs = nn.ModuleList(
            ConvModule(in_channels, channels, size, padding=size // 2, norm_cfg=dict(type='BN')) for size in (3, 5, 7))
        self.squeeze = nn.Linear(channels, channels // 4)
        self.weigh = nn.ModuleList(nn.Linear(channels // 4, num_keypoints) for _ in range(num_branches))

    def forward(self, feat: Tensor, heatmaps: Sequence[Tensor]) -> Tensor:
        """The ensemble's heatmaps.

        Args:
            feat (Tensor): The shared feature (N, C, h, w).
            heatmaps (Sequence[Tensor]): Heatmaps (N, K, H, W) of each branch.

        Returns:
            Tensor: Their weighted mean (N, K, H, W).
        """
        z = self.squeeze(sum(conv(feat) for conv in self.convs).mean((2, 3)))
        weights = torch.stack([weigh(z) for weigh in self.weigh], dim=1).softmax(dim=1)
        return (weights[..., None, None] * torch.stack(list(heatmaps), dim=1)).sum(dim=1)


@MODELS.register_module()
class OKDHPHead(HeatmapHead):
    """MMPose's ``HeatmapHead`` with further branches in training: OKDHP (Li et al., ICCV 2021).

    `Online Knowledge Distillation for Efficient Pose Estimation` needs no teacher: branches with a shared beginning are
    trained at once, and their ensemble teaches each. Here the backbone is shared and a branch is a head. This head is
    the first branch and all that is deployed; the other branches are ``peers``, and ``ensemble`` is the
    :class:`FeatureAggregationUnit`. Both are ``training_only``: under a distiller they are in no ``state_dict``, and
    are resumed.

    The labels train each branch (``loss_kpt``, ``loss_peers``) and the ensemble (``loss_ensemble``). The KL divergence
    from the ensemble to a branch is an objective for each branch, see the example. It has no gradient to the ensemble,
    which the branch must follow and not the other way round; the released code does not detach it.

    No accuracy is computed in training: no step waits for the device.

    Args:
        in_channels (int): Channels of the last feature map.
        out_channels (int): Number of keypoints.
        num_branches (int): Number of branches with the deployed one. Default: 3.
        ensemble_weight (float): Weight of the ensemble's loss on the labels. Default: 1, as in the released script.
        ensemble_channels (int): Channels of the convolutions that weigh the branches. Default: 256.
        **kwargs: Other arguments of ``HeatmapHead``, for every branch.

    Raises:
        ConfigError: There are fewer than two branches, the ensemble has fewer than four channels, or its weight is
            negative.

    Example:
        >>> model = dict(
        ...     type='MultiKDDistiller',
        ...     head=dict(type='OKDHPHead', in_channels=512, out_channels=17),  # was HeatmapHead
        ...     objectives={f'loss_branch{b}': dict(
        ...         type='OutputObjective',
        ...         teacher='student',
        ...         student_output=f'outputs[{b}]',
        ...         teacher_output='head.ensemble',
        ...         loss=dict(type='HeatmapKDLoss', mode='kl'),
        ...         weight=dict(type='GaussianRamp', start=0., end=2., until=60, by_epoch=True)) for b in range(3)})
    """

    training_only = ('peers', 'ensemble')

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 num_branches: int = 3,
                 ensemble_weight: float = 1.0,
                 ensemble_channels: int = 256,
                 **kwargs):
        super().__init__(in_channels, out_channels, **kwargs)
        check_count('OKDHPHead: num_branches', num_branches, 2)
        check_count('OKDHPHead: ensemble_channels', ensemble_channels, 4)
        self.ensemble_weight = check_factor('OKDHPHead: ensemble_weight', ensemble_weight)
        self.peers = ModuleList(HeatmapHead(in_channels, out_channels, **kwargs) for _ in range(num_branches - 1))
        self.ensemble = FeatureAggregationUnit(in_channels, out_channels, num_branches, ensemble_channels)

    @staticmethod
    def deployed(cfg: dict) -> dict:
        """Config of the head that is deployed: MMPose's ``HeatmapHead``."""
        ours = ('num_branches', 'ensemble_weight', 'ensemble_channels')
        return {**{k: v for k, v in cfg.items() if k not in ours}, 'type': 'HeatmapHead'}

    def forward(self, feats: Sequence[Tensor]) -> Union[Tensor, List[Tensor]]:
        """Heatmaps of all branches and of the ensemble in training, and of the first branch in evaluation.

        Args:
            feats (Sequence[Tensor]): Feature maps; the last one is used.

        Returns:
            Tensor | list[Tensor]: Heatmaps (N, K, H, W); in training those of this head, of the peers, and of the
            ensemble.
        """
        heatmaps = super().forward(feats)
        if not self.training:
            return heatmaps
        branches = [heatmaps, *(peer(feats) for peer in self.peers)]
        return [*branches, self.ensemble(feats[-1], branches)]

    def loss(self, feats: Sequence[Tensor], batch_data_samples: OptSampleList, train_cfg: dict = {}) -> dict:
        """Losses on the labels.

        Args:
            feats (Sequence[Tensor]): Feature maps.
            batch_data_samples (list[PoseDataSample]): Annotations with heatmaps.
            train_cfg (dict): Unused.

        Returns:
            dict: ``loss_kpt`` of the deployed branch, ``loss_peers``, their sum, and ``loss_ensemble``; scalars. In
            evaluation, where there is no other branch, ``loss_kpt`` alone.
        """
        target, weights = heatmap_labels(batch_data_samples)
        outputs = self.forward(feats)
        if isinstance(outputs, Tensor):
            return dict(loss_kpt=self.loss_module(outputs, target, weights))
        own, *peers, ensemble = (self.loss_module(heatmaps, target, weights) for heatmaps in outputs)
        return dict(loss_kpt=own, loss_peers=sum(peers), loss_ensemble=self.ensemble_weight * ensemble)
