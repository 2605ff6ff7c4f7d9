"""Where a head expects the joints: coordinates that have a gradient, of heatmaps and of SimDR logits alike."""
from typing import Optional, Tuple, Union

import torch
from torch import Tensor

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.constants import constant
from mmpose_kd.models.outputs import is_simdr, last_heatmaps, pixels_per_cell

from .reduction import at_least_float32, check_temperature

Outputs = Union[Tensor, Tuple[Tensor, Tensor]]

# SimDR logits are log-probabilities. Heatmaps are trained to a peak of 1: with 0.05 the peak counts exp(20) times what
# the background does, which is enough against the thousands of its cells.
SIMDR_TEMPERATURE, HEATMAP_TEMPERATURE = 1.0, 0.05
# For a pose that is not trained through: of two peaks the higher one counts, and it is still found between the bins.
POSE_TEMPERATURE = 0.05


def joint_distributions(outputs: Outputs, temperature: Optional[float] = None) -> Tuple[Tensor, ...]:
    """Softmax of a head's output over the places that a joint can have.

    Args:
        outputs (Tensor | tuple[Tensor, Tensor]): Heatmaps (N, K, H, W), or SimDR logits (N, K, Wx) and (N, K, Wy). Of
            a list of heatmaps, as heads of several stages return, the last are taken.
        temperature (float, optional): What the output is divided by. Default: 1 for SimDR logits, 0.05 for heatmaps.

    Returns:
        tuple[Tensor]: Of heatmaps one tensor (N, K, H, W), which sums to 1 over its cells; of SimDR logits two, (N, K,
        Wx) and (N, K, Wy), which sum to 1 over their bins. At least float32.

    Raises:
        ConfigError: The output is neither, or the temperature is not positive.
    """
    default = SIMDR_TEMPERATURE if is_simdr(outputs) else HEATMAP_TEMPERATURE
    temperature = default if temperature is None else check_temperature(temperature)
    heatmaps = last_heatmaps(outputs)
    if heatmaps is not None:
        heatmaps = at_least_float32(heatmaps) / temperature
        return (heatmaps.flatten(2).softmax(-1).view_as(heatmaps), )
    if is_simdr(outputs):
        return tuple((at_least_float32(x) / temperature).softmax(-1) for x in outputs)
    got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    raise ConfigError(f'expected heatmaps (N, K, H, W), or SimDR logits (N, K, Wx) and (N, K, Wy), got {got}.')


def expected_coordinates(outputs: Outputs, temperature: Optional[float] = None) -> Tensor:
    r"""Expected coordinates of each joint: the soft-argmax.

    .. math:: \sum_p p \cdot softmax(h / \tau)_p

    with p the place of a cell or bin. Unlike the largest entry it has a gradient, and lies between cells; with several
    peaks it lies between them, the less so the lower the temperature.

    Args:
        outputs (Tensor | tuple[Tensor, Tensor]): Heatmaps (N, K, H, W), or SimDR logits (N, K, Wx) and (N, K, Wy).
        temperature (float, optional): Temperature :math:`\tau`. Default: 1 for SimDR logits, 0.05 for heatmaps.

    Returns:
        Tensor: Coordinates (x, y) in cells or bins, (N, K, 2), at least float32.

    Raises:
        ConfigError: The output is neither.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[[0., 0., 200., 0.]]]), torch.tensor([[[200., 0., 0.]]])
        >>> expected_coordinates(logits)
        tensor([[[2., 0.]]])
    """
    return _means(_axes(outputs, temperature))


def pose_in_pixels(outputs: Outputs, input_size: Tuple[int, int], temperature: float = POSE_TEMPERATURE,
                   udp: bool = False) -> Tensor:
    """The pose in a head's output: :func:`expected_coordinates`, in pixels of the input.

    Heatmaps are divided by their peaks first. Trained by a squared error, a joint that is in doubt has a low one: at
    0.4 the sum of the background would draw the pose some cells to the middle of the map.

    Args:
        outputs (Tensor | tuple[Tensor, Tensor]): Heatmaps (N, K, H, W), or SimDR logits (N, K, Wx) and (N, K, Wy).
        input_size (tuple[int, int]): Width and height of the input in pixels.
        temperature (float): Temperature of the softmax, of heatmaps in units of their peak. Default: 0.05.
        udp (bool): Whether the codec maps the first and last cell to the first and last pixel, as ``UDPHeatmap`` does.
            Default: False.

    Returns:
        Tensor: Coordinates (x, y) in input pixels, (N, K, 2), at least float32.

    Raises:
        ConfigError: The output is neither, or its cells are no squares of the input.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[[0., 0., 200., 0.]]]), torch.tensor([[[200., 0., 0., 0.]]])
        >>> pose_in_pixels(logits, (2, 2))  # two bins a pixel
        tensor([[[1., 0.]]])
    """
    heatmaps = last_heatmaps(outputs)
    if heatmaps is not None:
        heatmaps = at_least_float32(heatmaps)
        outputs = heatmaps / heatmaps.amax((2, 3), keepdim=True).clamp(min=1e-6)
    axes = _axes(outputs, temperature)
    width, height = (p.shape[-1] for p in axes)
    if abs(width * input_size[1] - height * input_size[0]) > max(input_size):
        raise ConfigError(f'an output of {width} x {height} cells or bins given for an input of {input_size[0]} x '
                          f'{input_size[1]} pixels: expected the same aspect ratio.')
    scale = [pixels_per_cell(pixels, p.shape[-1], udp) for pixels, p in zip(input_size, axes)]
    return _means(axes) * constant(scale, axes[0])


def _axes(outputs: Outputs, temperature: Optional[float]) -> Tuple[Tensor, Tensor]:
    """Distributions of x (N, K, W) and y (N, K, H)."""
    distributions = joint_distributions(outputs, temperature)
    if len(distributions) == 1:
        return distributions[0].sum(2), distributions[0].sum(3)
    x, y = distributions
    return x, y


def _means(axes: Tuple[Tensor, Tensor]) -> Tensor:
    places = (torch.arange(p.shape[-1], device=p.device) for p in axes)
    return torch.stack([(p * place).sum(-1) for p, place in zip(axes, places)], dim=-1)
