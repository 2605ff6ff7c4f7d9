"""The SimDR head: stock SimCC layers, trained on labels that are made on the device."""
from typing import Any, Optional, Sequence, Tuple

import torch
from mmpose.models.heads import SimCCHead
from mmpose.models.losses import KLDiscretLoss
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.typing import OptSampleList
from torch import Tensor

from mmpose_kd.codecs import SimDRLabel
from mmpose_kd.errors import ConfigError, build, check_count, map_at
from mmpose_kd.models.labels import keypoint_weights
from mmpose_kd.models.losses.coordinate import gaussian_labels
from mmpose_kd.models.losses.reduction import at_least_float32


@MODELS.register_module()
class SimDRHead(SimCCHead):
    """SimDR head of Multi-KD: two linear layers turn each joint's map into the logits of its x and y bins.

    Sec. 3.4 and Eq. 6 of `Lightweight Human Pose Estimation with Enhanced Knowledge Review` (Xu et al., BMVC 2024).
    The layers are those of MMPose's :class:`SimCCHead`, under the same names: a checkpoint of either loads strictly
    into the other. What differs:

    - The labels are drawn on the device from bin coordinates, see
      :class:`SimDRLabel <mmpose_kd.codecs.SimDRLabel>`.
    - The logits leave the head in float32, whatever precision autocast computes them in.
    - No step waits for the device: the accuracy is computed there, and only if ``train_cfg`` asks for it.
    - Any map of the backbone can be read, at any stride, and by default it is not upsampled. The linear layers hold
      nearly all of the head's parameters, and these grow with the map's area: for a 256x256 input and split ratio 2,
      4.2 M at stride 4 and 0.07 M at stride 32. The paper does not give its stride.
    - Input size and split ratio are read from the codec, so they cannot disagree with it.

    Prediction is stock: the flip test averages the logits of both images, which is the normalised geometric mean of
    their distributions and gives stock keypoints; scores are the codec's probabilities.

    Args:
        in_channels (int): Channels of the input map.
        out_channels (int): Number of joints, K.
        decoder (dict): Config of the :class:`SimDRLabel` codec.
        in_stride (int, optional): Input pixels per cell of the input map, such as 4 or 32; gives
            ``in_featuremap_size``.
        in_featuremap_size (tuple[int, int], optional): Size (w, h) of the input map, where no stride gives it.
        in_index (int): Which of the maps that the backbone or neck returns. Default: -1.
        deconv_out_channels (Sequence[int], optional): Channels of transposed convolutions, each of which doubles the
            map. Default: none.
        loss (dict): Any loss on SimCC logits and labels. Default: :class:`SimDRLoss
            <mmpose_kd.models.losses.SimDRLoss>`, Eq. 6.
        input_size (tuple[int, int], optional): As in stock configs; must be the codec's.
        simcc_split_ratio (float, optional): As in stock configs; must be the codec's.
        **kwargs: The other arguments of :class:`SimCCHead`: ``deconv_type``, ``deconv_kernel_sizes``,
            ``deconv_num_groups``, ``conv_out_channels``, ``conv_kernel_sizes``, ``final_layer``, ``init_cfg``.

    Raises:
        ConfigError: The decoder is another codec, sizes contradict each other, the loss is RTMPose's with its factors,
            the map that arrives has another shape than the config says, or the pipeline encodes with another codec.

    Example:
        >>> codec = dict(type='SimDRLabel', input_size=(256, 256), sigma=6., simcc_split_ratio=2.)
        >>> model = dict(
        ...     type='TopdownPoseEstimator',
        ...     backbone=dict(type='MobileNetV2', out_indices=(7, )),
        ...     head=dict(type='SimDRHead', in_channels=1280, out_channels=16, in_stride=32, decoder=codec),
        ...     train_cfg=dict(compute_acc=True))
        >>> MODELS.build(model).head.mlp_head_x
        Linear(in_features=64, out_features=512, bias=True)
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 decoder: dict,
                 in_stride: Optional[int] = None,
                 in_featuremap_size: Optional[Tuple[int, int]] = None,
                 in_index: int = -1,
                 deconv_out_channels: Optional[Sequence[int]] = None,
                 loss: dict = dict(type='SimDRLoss'),
                 input_size: Optional[Tuple[int, int]] = None,
                 simcc_split_ratio: Optional[float] = None,
                 **kwargs: Any):
        codec = build(KEYPOINT_CODECS, decoder, 'SimDRHead.decoder')
        if not isinstance(codec, SimDRLabel):
            raise ConfigError(f'SimDRHead.decoder: a {type(codec).__name__} given, expected a SimDRLabel, here and in '
                              'the pipeline\'s GenerateTarget. Its input_size, sigma and simcc_split_ratio are those '
                              'of SimCCLabel.')
        _agree('input_size', None if input_size is None else tuple(input_size), codec.input_size)
        _agree('simcc_split_ratio', simcc_split_ratio, codec.simcc_split_ratio)
        super().__init__(
            in_channels,
            out_channels,
            input_size=codec.input_size,
            in_featuremap_size=_map_size(codec.input_size, in_stride, in_featuremap_size),
            simcc_split_ratio=codec.simcc_split_ratio,
            deconv_out_channels=deconv_out_channels,
            loss=loss,
            **kwargs)
        made = self.loss_module
        if isinstance(made, KLDiscretLoss) and (made.beta != 1 or made.label_softmax):
            raise ConfigError(f'SimDRHead.loss: beta={made.beta!r} and label_softmax={made.label_softmax!r} given, but '
                              'scores are the softmax of the logits themselves, and the labels are distributions, of '
                              'which another softmax is nearly flat. Drop both, or take a SimCCHead with SimCCLabel.')
        self.decoder = codec
        self.in_index = in_index

    def forward(self, feats: Tuple[Tensor]) -> Tuple[Tensor, Tensor]:
        """Compute the logits of both axes.

        Args:
            feats (tuple[Tensor]): Feature maps, of which ``feats[in_index]`` (N, C, h, w) is used.

        Returns:
            tuple[Tensor, Tensor]: Logits (N, K, Wx) and (N, K, Wy), at least float32.
        """
        feat = map_at('SimDRHead: in_index', self.in_index, feats)
        expected = (self.in_channels, *self.in_featuremap_size[::-1])
        if not torch.jit.is_tracing() and tuple(feat.shape[1:]) != expected:
            raise ConfigError(f'SimDRHead: feats[{self.in_index}] has the shape {tuple(feat.shape[1:])}, expected '
                              f'{expected} (channels, height, width) for the input size {self.input_size}. Change the '
                              'head\'s in_channels, in_stride or in_index, or the input size of codec and pipeline.')
        pred_x, pred_y = super().forward((feat, ))
        return at_least_float32(pred_x), at_least_float32(pred_y)

    def loss(self, feats: Tuple[Tensor], batch_data_samples: OptSampleList, train_cfg: Optional[dict] = None) -> dict:
        """Compute the task loss, and the accuracy on request.

        Args:
            feats (tuple[Tensor]): Feature maps.
            batch_data_samples (list[PoseDataSample]): Annotations, encoded by :class:`SimDRLabel`.
            train_cfg (dict, optional): ``compute_acc=True`` adds ``acc_pose``, the share of labelled joints decoded
                within 5 % of the input's width and height.

        Returns:
            dict: ``loss_kpt``, and ``acc_pose`` on request; scalars.
        """
        pred = self.forward(feats)
        labels = [d.gt_instance_labels for d in batch_data_samples]
        if 'keypoint_bins' not in labels[0]:
            raise ConfigError(f'SimDRHead: the annotations hold {sorted(labels[0].keys())}, expected keypoint_bins. '
                              'Give GenerateTarget the same SimDRLabel codec as the head\'s decoder.')
        bins = torch.cat([label.keypoint_bins for label in labels])
        weights = keypoint_weights(batch_data_samples)
        target = tuple(
            gaussian_labels(bins[..., axis], float(self.decoder.sigma[axis]), logits.shape[-1])
            for axis, logits in enumerate(pred))

        losses = dict(loss_kpt=self.loss_module(pred, target, weights))
        if train_cfg and train_cfg.get('compute_acc', False):
            losses['acc_pose'] = _accuracy(pred, bins, weights)
        return losses


@torch.no_grad()
def _accuracy(pred: Tuple[Tensor, Tensor], bins: Tensor, weights: Tensor, threshold: float = 0.05) -> Tensor:
    """Share of the labelled joints that are decoded within a fraction of the input's size; never leaves the device."""
    squares = [((logits.argmax(-1) - bins[..., axis]) / logits.shape[-1])**2 for axis, logits in enumerate(pred)]
    labelled = weights > 0
    hits = (squares[0] + squares[1] < threshold**2) & labelled
    return hits.sum() / labelled.sum().clamp(min=1)


def _agree(name: str, given: Any, codec: Any) -> None:
    if given is not None and given != codec:
        raise ConfigError(f'SimDRHead: {name}={given!r} given, but its decoder has {name}={codec!r}. Drop it from the '
                          'head, which takes it from the decoder.')


def _map_size(input_size: Tuple[int, int], stride: Optional[int], size: Optional[Tuple[int, int]]) -> Tuple[int, int]:
    """Size (w, h) of the input map, from its stride or as given."""
    given = None if size is None else (size[0], size[1])
    if stride is None:
        if given is None:
            raise ConfigError('SimDRHead: neither in_stride nor in_featuremap_size given. Set in_stride to the input '
                              'pixels per cell of the map the head reads, such as 4 for HRNet or 32 for ResNet.')
        return given
    check_count('SimDRHead: in_stride', stride)
    derived = -(-input_size[0] // stride), -(-input_size[1] // stride)
    if given is not None and given != derived:
        raise ConfigError(f'SimDRHead: in_featuremap_size={given} and in_stride={stride} given, but the input '
                          f'size {input_size} at that stride makes a map of {derived}. Drop one of them.')
    return derived
