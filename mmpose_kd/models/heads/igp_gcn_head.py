"""A head that refines another head's pose, by a graph of the joints and what the image shows at each."""
from typing import Any, List, Optional, Sequence, Tuple, Union

import torch
import torch.nn.functional as F
from mmpose.codecs import MSRAHeatmap, SimCCLabel, UDPHeatmap
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from mmpose.utils.tensor_utils import to_numpy
from mmpose.utils.typing import OptSampleList
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, build, check_count, check_factor, map_at
from mmpose_kd.models.constants import constant
from mmpose_kd.models.labels import keypoint_weights
from mmpose_kd.models.limbs import limbs_of
from mmpose_kd.models.losses.expectation import POSE_TEMPERATURE, Outputs, joint_distributions, pose_in_pixels
from mmpose_kd.models.losses.reduction import check_temperature
from mmpose_kd.models.outputs import beta_of, decoded_scale, is_simdr, is_udp, maps_per_keypoint
from mmpose_kd.models.taps import record_head

from .graph import GraphBlock, SemGConv, over_channels

# Share of the input's width and height by which an output of 1 moves a joint. Adam's first steps are as long as the
# learning rate, whatever the gradient: with half the input instead, they would move all joints by several pixels.
CORRECTION = 0.02


@MODELS.register_module()
class IGPGCNHead(BaseHead):
    """Image-guided progressive GCN: stage 2 of the coarse-to-fine distillation (Ji et al., arXiv 2508.11212).

    It wraps the head of stage 1, ``base``, and refines its pose in steps. Each step looks at one feature map, from the
    coarsest to the finest, where the joints are so far; a graph convolution over the skeleton turns what it saw into a
    correction of the pose. The layers that correct start at zero, so that training starts exactly at the pose of
    stage 1.

    Of the paper only the abstract is public. The graph is that of OPEC-Net's module of the same name (Qiu et al., ECCV
    2020): semantic graph convolutions in residual blocks, and features added coarse to fine. Ours are the residual
    steps, the sampling at the pose of the step before (there at the first one), the narrow widths, and that the maps
    are sampled as they are, without a decoder or node attention.

    - The pose of stage 1 is the expectation of its heatmaps, over their peaks, or SimDR logits, at a temperature so low
      that of two peaks the higher one counts; it enters without a gradient.
    - A point at p pixels is at p times map size over input size in cells, as in MMPose's codecs. Maps are sampled
      there bilinearly (``align_corners=False``, the border repeated).
    - An output of 1 corrects by 2 % of the input's width and height.
    - Scores, and heatmaps if asked for, are those of ``base``, as it predicts them. In the flip test both poses are
      refined and averaged; heatmap heads need no ``shift_heatmap``.
    - The refinement is computed in float32 even under autocast: bfloat16 has no half pixels beyond 128.

    In stage 2 the distiller freezes the rest, with ``frozen=['backbone', 'head.base']``, and :class:`PoseObjective
    <mmpose_kd.models.objectives.PoseObjective>` compares the steps with the teacher's pose. Where ``base`` is trained
    as well, its own losses on the labels are added.

    Args:
        base (dict): Config of the head of stage 1: one that returns SimDR logits or heatmaps, with a ``SimDRLabel``,
            ``SimCCLabel``, ``MSRAHeatmap`` or gaussian ``UDPHeatmap`` as decoder.
        in_channels (Sequence[int]): Channels of the map of each step, at least two steps.
        skeleton (dict | Sequence[Sequence[int]]): Which joints are neighbours: metainfo of the dataset, such as
            ``dict(from_file='configs/_base_/datasets/coco.py')``, or pairs of joints.
        in_indices (Sequence[int], optional): The map of each step, among those of the backbone or neck. Default:
            -1, -2, -3: the last first, which is the coarsest of a ResNet.
        pools (Sequence[int], optional): Factor by which the map of each step is averaged down before, for a backbone
            with one map. Default: 1 each.
        hidden_channels (int): Channels of the joints' features at the beginning. Default: 64.
        image_channels (Sequence[int]): Channels that each step adds to them. Default: (64, 32, 32).
        temperature (float): Temperature of the softmax whose expectation is the first pose. Default: 0.05.
        label_weight (float): Factor of the same loss on the labels, ``loss_refine``. The labels are SimDR bins, or
            what ``PackPoseInputs(pack_transformed=True)`` packs. Default: 0, none.
        loss (dict): That loss. Default: ``dict(type='ProgressivePoseLoss')``.
        init_cfg (dict, optional): Initialisation.

    Raises:
        ConfigError: The lists do not fit each other, a number is not positive, the decoder is another one, the skeleton
            does not fit the joints, or at the first step a map does not have the stated channels or is smaller than its
            pool.

    Example:
        >>> codec = dict(type='SimDRLabel', input_size=(192, 256), sigma=(4.9, 5.66), simcc_split_ratio=2.0)
        >>> head = MODELS.build(dict(
        ...     type='IGPGCNHead',
        ...     base=dict(type='SimDRHead', in_channels=512, in_stride=32, out_channels=17, decoder=codec),
        ...     in_channels=(512, 256, 128),  # ResNet-18 with out_indices=(1, 2, 3)
        ...     skeleton=[[5, 7], [7, 9], [6, 8], [8, 10]]))
        >>> maps = [torch.rand(2, channels, side, side) for channels, side in ((128, 32), (256, 16))]
        >>> [pose.shape for pose in head((*maps, torch.rand(2, 512, 8, 6)))]  # that of stage 1, and one of each step
        [torch.Size([2, 17, 2]), torch.Size([2, 17, 2]), torch.Size([2, 17, 2]), torch.Size([2, 17, 2])]
    """

    def __init__(self,
                 base: dict,
                 in_channels: Sequence[int],
                 skeleton: Union[dict, Sequence[Sequence[int]]],
                 in_indices: Optional[Sequence[int]] = None,
                 pools: Optional[Sequence[int]] = None,
                 hidden_channels: int = 64,
                 image_channels: Sequence[int] = (64, 32, 32),
                 temperature: float = POSE_TEMPERATURE,
                 label_weight: float = 0.0,
                 loss: dict = dict(type='ProgressivePoseLoss'),
                 init_cfg: Optional[dict] = None):
        super().__init__(init_cfg)
        steps = len(in_channels)
        self.in_channels = tuple(in_channels)
        self.in_indices = tuple(range(-1, -1 - steps, -1)) if in_indices is None else tuple(in_indices)
        self.pools = (1, ) * steps if pools is None else tuple(pools)
        check_count('IGPGCNHead: hidden_channels', hidden_channels, 2)  # a block has half as many inside
        _check_steps(in_channels=in_channels, in_indices=self.in_indices, pools=self.pools,
                     image_channels=image_channels)
        self.base = _build_base(base)
        self.decoder, self.beta = self.base.decoder, beta_of(self.base)
        self.input_size = tuple(self.decoder.input_size)
        self.out_channels = self.base.out_channels
        self.temperature = check_temperature(temperature)
        self.label_weight = check_factor('IGPGCNHead: label_weight', label_weight)
        self.loss_module = build(MODELS, loss, 'IGPGCNHead.loss')
        self._build_graph(limbs_of(skeleton, self.out_channels), hidden_channels, image_channels)

    def _build_graph(self, limbs: List[Tuple[int, int]], width: int, image_channels: Sequence[int]) -> None:
        joints = self.out_channels
        self.enter = SemGConv(3, width, joints, limbs)
        self.enter_norm = nn.BatchNorm1d(width)
        self.first = GraphBlock(width, joints, limbs)
        self.looks, self.blocks, self.corrections = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for channels, seen in zip(self.in_channels, image_channels):
            width += seen
            self.looks.append(nn.Linear(channels, seen))
            self.blocks.append(GraphBlock(width, joints, limbs))
            self.corrections.append(SemGConv(width, 2, joints, limbs))
        for parameter in self.corrections.parameters():
            nn.init.zeros_(parameter)

    def forward(self, feats: Sequence[Tensor], outputs: Optional[Outputs] = None) -> List[Tensor]:
        """The pose of stage 1, and that of each step.

        Args:
            feats (Sequence[Tensor]): Feature maps of the backbone or neck.
            outputs (Tensor | tuple[Tensor, Tensor], optional): What ``base`` returned for them. Default: it runs.

        Returns:
            list[Tensor]: Coordinates (x, y) in input pixels, (N, K, 2), float32; the last is the result.
        """
        maps = [self._map(feats, step) for step in range(len(self.in_channels))]
        outputs = self.base(feats) if outputs is None else outputs
        with torch.autocast(feats[-1].device.type, enabled=False):
            outputs = self._as_trained(outputs)
            pose = self._first_pose(outputs)
            size = constant(self.input_size, pose)
            x = self.enter(torch.cat([pose * 2 / size - 1, _confidence(outputs).detach().to(pose)], dim=-1))
            x = self.first(over_channels(self.enter_norm, x).relu())
            poses = [pose]
            for feature, pool, look, block, correct in zip(
                    maps, self.pools, self.looks, self.blocks, self.corrections):
                seen = look(sample_at(feature.float(), poses[-1].detach(), self.input_size, pool))
                x = block(torch.cat([x, seen], dim=-1))
                poses.append(poses[-1] + correct(x) * size * CORRECTION)
        return poses

    def predict(self, feats: Sequence, batch_data_samples: OptSampleList, test_cfg: dict = {}):
        """Refined keypoints, with the scores of the head of stage 1.

        Args:
            feats (Sequence[Tensor] | list[Sequence[Tensor]]): Feature maps, in the flip test those of the images and
                of the flipped images.
            batch_data_samples (list[PoseDataSample]): The batch's annotations.
            test_cfg (dict): ``flip_test``, and what ``base`` takes.

        Returns:
            list[InstanceData]: ``keypoints`` (1, K, 2) as the codec decodes them, see :meth:`decoded`, and
            ``keypoint_scores`` (1, K); what else ``base`` predicts is kept.
        """
        with record_head(self.base) as runs:  # one for each view
            result = self.base.predict(feats, batch_data_samples, test_cfg)
        preds = result[0] if isinstance(result, tuple) else result
        poses = [self.forward(run.feats, run.outputs)[-1] for run in runs]
        pose = poses[0]
        if test_cfg.get('flip_test', False):
            flipped = poses[1][:, batch_data_samples[0].metainfo['flip_indices']]
            pose = (pose + torch.stack([self.input_size[0] - 1 - flipped[..., 0], flipped[..., 1]], dim=-1)) / 2
        for pred, keypoints in zip(preds, to_numpy(self.decoded(pose))):
            pred.keypoints = keypoints[None]
        return result

    def decoded(self, pose: Tensor) -> Tensor:
        """A pose as the codec of ``base`` decodes it, which is what MMPose turns into places in the photograph.

        Args:
            pose (Tensor): Coordinates in input pixels, (N, K, 2).

        Returns:
            Tensor: The same, except that with ``UDPHeatmap`` the last pixel lies at the input's width and height.
        """
        return pose * constant(decoded_scale(self.input_size, is_udp(self.decoder)), pose)

    def loss(self, feats: Sequence[Tensor], batch_data_samples: OptSampleList, train_cfg: dict = {}) -> dict:
        """Losses on the labels.

        Args:
            feats (Sequence[Tensor]): Feature maps.
            batch_data_samples (list[PoseDataSample]): Annotations.
            train_cfg (dict): What ``base`` takes.

        Returns:
            dict: The losses of ``base``, unless it is frozen, and with a ``label_weight`` the scalar ``loss_refine``.
        """
        losses, outputs = {}, None
        if any(parameter.requires_grad for parameter in self.base.parameters()):
            with record_head(self.base) as runs:  # once a step: its BatchNorms would move twice
                losses.update(self.base.loss(feats, batch_data_samples, train_cfg))
            outputs = runs[0].outputs
        poses = self.forward(feats, outputs)
        if self.label_weight:
            weights = keypoint_weights(batch_data_samples)
            target = torch.cat([self._label(sample) for sample in batch_data_samples]).to(poses[0], non_blocking=True)
            losses['loss_refine'] = self.label_weight * self.loss_module(poses[1:], target, weights, self.input_size)
        return losses

    def _map(self, feats: Sequence[Tensor], step: int) -> Tensor:
        index, channels = self.in_indices[step], self.in_channels[step]
        feature = map_at(f'IGPGCNHead: in_indices[{step}]', index, feats)
        if feature.shape[1] != channels:
            raise ConfigError(f'IGPGCNHead: in_channels[{step}]={channels} given, but feats[{index}] has the shape '
                              f'{tuple(feature.shape)}: set in_channels[{step}]={feature.shape[1]}.')
        if self.pools[step] > min(feature.shape[2:]):
            raise ConfigError(f'IGPGCNHead: pools[{step}]={self.pools[step]} given, but feats[{index}] has the shape '
                              f'{tuple(feature.shape)}: a pool is at most as large as its map.')
        return feature

    def _as_trained(self, outputs: Outputs) -> Outputs:
        """Logits as the loss of stage 1 multiplies them before its softmax, as RTMPose's does."""
        return (outputs[0] * self.beta, outputs[1] * self.beta) if self.beta != 1 and is_simdr(outputs) else outputs

    def _first_pose(self, outputs: Outputs) -> Tensor:
        return pose_in_pixels(outputs, self.input_size, self.temperature, is_udp(self.decoder)).float().detach()

    def _label(self, sample: PoseDataSample) -> Tensor:
        if 'keypoint_bins' in sample.gt_instance_labels:
            return sample.gt_instance_labels.keypoint_bins / self.decoder.simcc_split_ratio
        if 'transformed_keypoints' in sample.gt_instances:
            return torch.as_tensor(sample.gt_instances.transformed_keypoints)
        raise ConfigError('IGPGCNHead: label_weight needs the coordinates of the labels, which the annotations do not '
                          'hold. Set PackPoseInputs(pack_transformed=True) in the training pipeline.')


def _check_steps(in_indices: Sequence[int], **counts: Sequence[int]) -> None:
    lengths = {name: len(entries) for name, entries in dict(counts, in_indices=in_indices).items()}
    if min(lengths.values()) < 2 or len(set(lengths.values())) > 1:
        raise ConfigError(f'IGPGCNHead: lists of the lengths {lengths} given, expected one entry in each for every '
                          'step, and at least two steps.')
    for name, entries in counts.items():
        for step, count in enumerate(entries):
            check_count(f'IGPGCNHead: {name}[{step}]', count)


def _build_base(cfg: dict) -> Any:
    """The head of stage 1."""
    base = build(MODELS, cfg, 'IGPGCNHead.base')
    decoder = getattr(base, 'decoder', None)
    if not isinstance(decoder, (SimCCLabel, MSRAHeatmap, UDPHeatmap)) or maps_per_keypoint(base) != 1:
        raise ConfigError(f'IGPGCNHead.base: {type(base).__name__} with {type(decoder).__name__} as decoder '
                          'given, expected the head of stage 1 with its codec: a SimDRLabel, a SimCCLabel, a '
                          'MSRAHeatmap, or a UDPHeatmap of heatmap_type "gaussian".')
    if getattr(base, 'training_only', ()):
        raise ConfigError(f'IGPGCNHead.base: parts of {type(base).__name__} are only for its own training. '
                          'Give the head that is deployed after that training, with its weights.')
    return base


def sample_at(feature: Tensor, pose: Tensor, input_size: Sequence[int], pool: int = 1) -> Tensor:
    """A feature map at the joints, interpolated bilinearly; beyond its border the border is repeated.

    Cell c of a map is centred on pixel c times input size over map size, as in MMPose's codecs. For ``grid_sample``
    without ``align_corners`` that centre is at (2 c + 1) / size - 1, also where the map is then averaged down. Of a
    size that the pool does not divide, that is true but for a part of a cell, as the averaged windows overlap there.

    Args:
        feature (Tensor): Feature map (N, C, H, W).
        pose (Tensor): Coordinates (x, y) in input pixels, (N, K, 2).
        input_size (Sequence[int]): Width and height of the input in pixels.
        pool (int): Factor by which the map is averaged down before. Default: 1.

    Returns:
        Tensor: Features (N, K, C).
    """
    height, width = feature.shape[2:]
    grid = pose * 2 / constant(input_size, pose) + 1 / constant([width, height], pose) - 1
    if pool > 1:
        feature = F.adaptive_avg_pool2d(feature, (height // pool, width // pool))
    sampled = F.grid_sample(feature, grid.unsqueeze(2), padding_mode='border', align_corners=False)
    return sampled.squeeze(-1).transpose(1, 2)


def _confidence(outputs: Outputs) -> Tensor:
    """Probability (N, K, 1) of the likeliest cell, or bin of the less certain axis."""
    peaks = [distribution.flatten(2).amax(-1, keepdim=True) for distribution in joint_distributions(outputs)]
    return torch.stack(peaks).amin(0)
