"""Coordinates as classification, with targets light enough to be finished on the device."""
from typing import Optional, Tuple, Union

import numpy as np
from mmpose.codecs import SimCCLabel
from mmpose.registry import KEYPOINT_CODECS

from mmpose_kd.errors import ConfigError


@KEYPOINT_CODECS.register_module()
class SimDRLabel(SimCCLabel):
    r"""SimDR codec: encodes bin coordinates, decodes the logits of both axes.

    SimDR (`SimCC: a Simple Coordinate Classification Perspective for Human Pose Estimation`, Li et al., ECCV 2022) is
    the output of Multi-KD (Xu et al., BMVC 2024, Sec. 3.4). Where MMPose's :class:`SimCCLabel` draws a Gaussian row
    per joint and axis in the data loader, this codec passes the position in bins, a few hundred bytes a person, and
    :class:`SimDRHead <mmpose_kd.models.heads.SimDRHead>` draws the rows on the device. What both agree on:

    - *Which joints count*: the weight is 0 where the visibility is below 0.5 or where the window of three sigma
      around the joint lies outside of the bins; like stock, one bin more is let in before the first. A visibility
      between 0 and 0.5, which no dataset of MMPose gives, stays stock's weight, of a row without a label.
    - *Which bin*: the coordinate is rounded to the nearest bin. Decoding returns whole bins, so this is the best
      target it can reach.
    - *Which coordinate is decoded*: the bin of the largest logit, bit for bit, including that a joint without a
      positive logit on both axes is put at -1 bins. So a checkpoint gives the same keypoints in stock MMPose.

    They differ in the *score*. Here it is the probability that the joint lies within three sigma of the decoded
    position, on the axis where that is less likely:

    .. math:: \min_{a \in \{x,y\}} \sum_{|i - \hat\mu_a| \le 3\sigma_a} S^a_i

    with :math:`S` the softmax of the logits; 0 for a joint at -1. The smaller axis is taken as stock takes it. A raw
    logit is no score, since cross-entropy leaves a constant per row undetermined, and the largest probability alone is
    :math:`1 / (\sigma\sqrt{2\pi})`, 0.066 for sigma 6, for a prediction that equals its label: COCO evaluation, which
    ranks persons by the mean score of the joints above 0.2, would see no joint. The probability of the window is then
    0.997, and means the same at every sigma and split ratio.

    Encoded:
        - keypoint_bins (np.ndarray): Position of each joint in bins, input pixels times split ratio, (N, K, 2),
          float32; 0 where the weight is 0.
        - keypoint_weights (np.ndarray): Weight of each joint, (N, K), float32.

    Args:
        input_size (tuple[int, int]): Input size (w, h) in pixels.
        sigma (float | tuple[float, float]): Standard deviation of the labels in bins, for both axes or (x, y).
            Default: 6.
        simcc_split_ratio (float): Bins per pixel. Default: 2.

    Raises:
        ConfigError: Sigma or split ratio is not positive, or the number of bins is not whole, be it by rounding alone.

    Example:
        >>> import numpy as np
        >>> codec = dict(type='SimDRLabel', input_size=(192, 256), sigma=6., simcc_split_ratio=2.)
        >>> head = dict(type='SimDRHead', in_channels=40, out_channels=17, in_stride=4, decoder=codec)
        >>> pipeline = [dict(type='GenerateTarget', encoder=codec), dict(type='PackPoseInputs')]
        >>> KEYPOINT_CODECS.build(codec).encode(np.array([[[10.3, 20.]]]))['keypoint_bins']
        array([[[21., 40.]]], dtype=float32)
    """

    label_mapping_table = dict(keypoint_bins='keypoint_bins', keypoint_weights='keypoint_weights')

    def __init__(self,
                 input_size: Tuple[int, int],
                 sigma: Union[float, Tuple[float, float]] = 6.0,
                 simcc_split_ratio: float = 2.0):
        super().__init__(input_size=tuple(input_size), sigma=sigma, simcc_split_ratio=simcc_split_ratio)
        if self.sigma.shape != (2, ) or not ((self.sigma > 0) & np.isfinite(self.sigma)).all():
            raise ConfigError(f'SimDRLabel: sigma={sigma!r} given, expected a number of bins above 0, or two: (x, y).')
        exact = np.array(input_size) * simcc_split_ratio
        bins = np.around(exact).astype(int)
        if not simcc_split_ratio > 0 or bins.min() < 1 or np.abs(exact - bins).max() > 1e-6:
            raise ConfigError(f'SimDRLabel: simcc_split_ratio={simcc_split_ratio!r} gives {tuple(exact)} bins for the '
                              f'input size {tuple(input_size)}; expected whole positive numbers. Change either.')
        made = tuple(int(size * simcc_split_ratio) for size in input_size)  # as SimCCHead computes it
        if made != tuple(bins):
            raise ConfigError(f'SimDRLabel: simcc_split_ratio={simcc_split_ratio!r} gives {tuple(exact)} bins for the '
                              f'input size {tuple(input_size)}, of which the head would make {made}; expected a ratio '
                              'whose products are whole numbers in floating point too. Change either.')
        self.num_bins = (int(bins[0]), int(bins[1]))

    def encode(self, keypoints: np.ndarray, keypoints_visible: Optional[np.ndarray] = None) -> dict:
        """Encode keypoints as bin coordinates.

        Args:
            keypoints (np.ndarray): Keypoints in input pixels, (N, K, 2).
            keypoints_visible (np.ndarray, optional): Visibility, (N, K). Default: all visible.

        Returns:
            dict: ``keypoint_bins`` (N, K, 2) and ``keypoint_weights`` (N, K), float32.
        """
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2], dtype=np.float32)
        bins = np.around(keypoints[..., :2] * self.simcc_split_ratio)
        reach = 3 * self.sigma
        in_range = (bins - reach < self.num_bins) & (bins + reach + 1 >= 0)
        valid = in_range.all(-1) & (keypoints_visible >= 0.5)
        return dict(
            keypoint_bins=np.where(valid[..., None], bins, 0).astype(np.float32),
            keypoint_weights=np.where(valid, keypoints_visible, 0).astype(np.float32))

    def decode(self, simcc_x: np.ndarray, simcc_y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Decode logits into keypoints and their probabilities.

        Args:
            simcc_x (np.ndarray): Logits of the x axis, (N, K, Wx) or (K, Wx).
            simcc_y (np.ndarray): Logits of the y axis, (N, K, Wy) or (K, Wy).

        Returns:
            tuple:
            - keypoints (np.ndarray): Coordinates in input pixels, (N, K, 2).
            - scores (np.ndarray): Probabilities in [0, 1], (N, K).
        """
        keypoints, _ = super().decode(simcc_x, simcc_y)
        scores = np.minimum(_mass_at_maximum(simcc_x, 3 * self.sigma[0]), _mass_at_maximum(simcc_y, 3 * self.sigma[1]))
        located = keypoints[..., 0] >= 0
        return keypoints, np.where(located, scores.reshape(located.shape), 0).astype(np.float32)


def _mass_at_maximum(logits: np.ndarray, radius: float) -> np.ndarray:
    """Softmax probability of the bins within a radius of the largest logit, (..., L) to (...)."""
    probabilities = np.exp(logits - logits.max(-1, keepdims=True))
    near = np.abs(np.arange(logits.shape[-1]) - logits.argmax(-1)[..., None]) <= radius
    return (probabilities * near).sum(-1) / probabilities.sum(-1)
