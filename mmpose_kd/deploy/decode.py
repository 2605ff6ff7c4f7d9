"""Decoding as PyTorch operators, so that it can be a part of an ONNX graph."""
from typing import Any, Callable, Tuple

import cv2
import torch
import torch.nn.functional as F
from mmpose.codecs import MSRAHeatmap, SimCCLabel, UDPHeatmap
from torch import Tensor

from mmpose_kd.codecs import SimDRLabel
from mmpose_kd.errors import ConfigError

Decoded = Tuple[Tensor, Tensor]


def decoder_of(codec: Any) -> Callable[[Any], Decoded]:
    """The function that decodes as a codec does.

    Args:
        codec (BaseKeypointCodec): A ``SimCCLabel``, ``SimDRLabel``, ``MSRAHeatmap`` or ``UDPHeatmap``.

    Returns:
        Callable: From a head's outputs, logits (N, K, Wx) and (N, K, Wy) or heatmaps (N, K, H, W), to keypoints
        (N, K, 2) in input pixels and scores (N, K).

    Raises:
        ConfigError: The codec decodes in another way.

    Example:
        >>> codec = MSRAHeatmap(input_size=(64, 64), heatmap_size=(16, 16), sigma=2)
        >>> keypoints, scores = decoder_of(codec)(torch.rand(2, 17, 16, 16))
    """
    kind = type(codec)
    if kind is SimDRLabel or (kind is SimCCLabel and not codec.use_dark):
        return lambda outputs: simcc_keypoints(codec, *outputs)
    if kind is MSRAHeatmap or (kind is UDPHeatmap and codec.heatmap_type == 'gaussian'):
        return lambda outputs: heatmap_keypoints(codec, outputs)
    raise ConfigError(f'{kind.__name__} cannot be decoded inside the graph in this setting; expected a SimDRLabel, a '
                      'SimCCLabel without use_dark, a MSRAHeatmap, or a UDPHeatmap of heatmap_type "gaussian". Export '
                      'the outputs of the head as they are: --onnx raw.')


def simcc_keypoints(codec: SimCCLabel, x: Tensor, y: Tensor) -> Decoded:
    """Keypoints and scores of the logits (N, K, Wx) and (N, K, Wy) of both axes, as the codec decodes them."""
    peaks = torch.minimum(x.amax(-1), y.amax(-1))
    keypoints = torch.stack([x.argmax(-1), y.argmax(-1)], dim=-1).float()
    keypoints = torch.where(peaks.unsqueeze(-1) > 0, keypoints, torch.full_like(keypoints, -1))
    scores = peaks
    if isinstance(codec, SimDRLabel):
        sigma_x, sigma_y = (float(sigma) for sigma in codec.sigma)
        near = torch.minimum(_mass_at_maximum(x, 3 * sigma_x), _mass_at_maximum(y, 3 * sigma_y))
        scores = torch.where(peaks > 0, near, torch.zeros_like(near))
    return keypoints / float(codec.simcc_split_ratio), scores


def heatmap_keypoints(codec: Any, heatmaps: Tensor) -> Decoded:
    """Keypoints and scores of heatmaps (N, K, H, W), as the codec, MSRAHeatmap or UDPHeatmap, decodes them."""
    width = heatmaps.shape[3]
    flat = heatmaps.flatten(2)
    scores, places = flat.amax(-1), flat.argmax(-1)
    found = scores > 0
    x, y = places % width, places.div(width, rounding_mode='floor')
    if isinstance(codec, UDPHeatmap):
        step = _udp_step(_log_of_blurred(heatmaps, codec.blur_kernel_size, 1e-3, 50.), x, y)
        scale = [w / (cells - 1) for w, cells in zip(codec.input_size, codec.heatmap_size)]
    else:
        scale = [w / cells for w, cells in zip(codec.input_size, codec.heatmap_size)]
        if codec.unbiased:
            step = _dark_step(_log_of_blurred(heatmaps, codec.blur_kernel_size, 1e-10, float('inf')), x, y)
        else:
            step = _quarter_step(heatmaps, x, y)
    keypoints = torch.stack([x, y], dim=-1).float()
    keypoints = torch.where(found.unsqueeze(-1), keypoints + step, torch.full_like(keypoints, -1))
    return keypoints * torch.tensor(scale, dtype=torch.float32), scores


def _mass_at_maximum(logits: Tensor, radius: float) -> Tensor:
    bins = torch.arange(logits.shape[-1], dtype=torch.float32)
    distance = (bins - logits.argmax(-1, keepdim=True).float()).abs()
    return (logits.softmax(-1) * (distance <= radius).float()).sum(-1)


def _at(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Values of maps (N, K, H, W) at cells (N, K); beyond the border the border is repeated."""
    height, width = maps.shape[2:]
    index = y.clamp(0, height - 1) * width + x.clamp(0, width - 1)
    return maps.flatten(2).gather(-1, index.unsqueeze(-1)).squeeze(-1)


def _inside(maps: Tensor, x: Tensor, y: Tensor, border: int) -> Tensor:
    height, width = maps.shape[2:]
    return (x > 1) & (x < width - border) & (y > 1) & (y < height - border)


def _quarter_step(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """A quarter of a cell towards the higher neighbour, as MMPose's ``refine_keypoints``."""
    height, width = maps.shape[2:]
    steps = []
    for axis, ok in (((1, 0), (x > 1) & (x < width - 1) & (y > 0)), ((0, 1), (y > 1) & (y < height - 1) & (x > 0))):
        slope = _at(maps, x + axis[0], y + axis[1]) - _at(maps, x - axis[0], y - axis[1])
        steps.append(0.25 * slope.sign() * ok.float())
    return torch.stack(steps, dim=-1)


def _dark_step(log: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Newton's step on the logarithm, over two cells for the second derivative: ``refine_keypoints_dark``."""
    def around(dx: int, dy: int) -> Tensor:
        return _at(log, x + dx, y + dy)

    dxx, dyy = (0.25 * (around(2 * a, 2 * b) - 2 * around(0, 0) + around(-2 * a, -2 * b)) for a, b in ((1, 0), (0, 1)))
    mixed = 0.25 * (around(1, 1) - around(1, -1) - around(-1, 1) + around(-1, -1))
    step = _newton(0.5 * (around(1, 0) - around(-1, 0)), 0.5 * (around(0, 1) - around(0, -1)), dxx, dyy, mixed)
    regular = (dxx * dyy - mixed * mixed != 0) & _inside(log, x, y, border=2)
    return torch.where(regular.unsqueeze(-1), step, torch.zeros_like(step))


def _udp_step(log: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Newton's step on the logarithm, over one cell: ``refine_keypoints_dark_udp``."""
    def around(dx: int, dy: int) -> Tensor:
        return _at(log, x + dx, y + dy)

    eps = torch.finfo(torch.float32).eps
    centre, right, left, down, up = around(0, 0), around(1, 0), around(-1, 0), around(0, 1), around(0, -1)
    mixed = 0.5 * (around(1, 1) - right - down + 2 * centre - left - up + around(-1, -1))
    return _newton(0.5 * (right - left), 0.5 * (down - up), right - 2 * centre + left + eps,
                   down - 2 * centre + up + eps, mixed)


def _newton(dx: Tensor, dy: Tensor, dxx: Tensor, dyy: Tensor, dxy: Tensor) -> Tensor:
    determinant = dxx * dyy - dxy * dxy
    return torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], dim=-1) / determinant.unsqueeze(-1)


def _log_of_blurred(maps: Tensor, size: int, low: float, high: float) -> Tensor:
    """Logarithm of maps blurred by OpenCV's Gaussian, zeros around them, and scaled back to the same maximum."""
    weights = torch.from_numpy(cv2.getGaussianKernel(size, 0)).to(maps).reshape(1, 1, size, 1)
    height, width = maps.shape[2:]
    single = maps.reshape(-1, 1, height, width)
    blurred = F.conv2d(single, weights, padding=(size // 2, 0))
    blurred = F.conv2d(blurred, weights.transpose(2, 3), padding=(0, size // 2)).reshape_as(maps)
    blurred = blurred * (maps.amax((2, 3), keepdim=True) / blurred.amax((2, 3), keepdim=True))
    return blurred.clamp(low, high).log()
