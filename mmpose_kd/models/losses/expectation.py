"""Where a head expects the joints: coordinates that have a gradient, of heatmaps and of SimDR logits alike."""
from typing import Optional, Tuple, Union

import torch
from torch import Tensor

from mmpose_kd.errors import ConfigError

from .reduction import at_least_float32

Outputs = Union[Tensor, Tuple[Tensor, Tensor]]

# SimDR logits are log-probabilities. Heatmaps are trained to a peak of 1: with 0.05 the peak counts exp(20) times what
# the background does, which is enough against the thousands of its cells.
SIMDR_TEMPERATURE, HEATMAP_TEMPERATURE = 1.0, 0.05


def joint_distributions(outputs: Outputs, temperature: Optional[float] = None) -> Tuple[Tensor, ...]:
    """Softmax of a head's output over the places that a joint can have.

    Args:
        outputs (Tensor | tuple[Tensor, Tensor]): Heatmaps (N, K, H, W), or SimDR logits (N, K, Wx) and (N, K, Wy).
        temperature (float, optional): What the output is divided by. Default: 1 for SimDR logits, 0.05 for heatmaps.

    Returns:
        tuple[Tensor]: Of heatmaps one tensor (N, K, H, W), which sums to 1 over its cells; of SimDR logits two, (N, K,
        Wx) and (N, K, Wy), which sum to 1 over their bins. At least float32.

    Raises:
        ConfigError: The output is neither.
    """
    if isinstance(outputs, Tensor) and outputs.dim() == 4:
        heatmaps = at_least_float32(outputs) / (temperature or HEATMAP_TEMPERATURE)
        return (heatmaps.flatten(2).softmax(-1).view_as(heatmaps), )
    if isinstance(outputs, (list, tuple)) and len(outputs) == 2 and all(x.dim() == 3 for x in outputs):
        return tuple((at_least_float32(x) / (temperature or SIMDR_TEMPERATURE)).softmax(-1) for x in outputs)
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
    distributions = joint_distributions(outputs, temperature)
    if len(distributions) == 1:
        heatmaps, = distributions
        distributions = heatmaps.sum(2), heatmaps.sum(3)
    places = (torch.arange(p.shape[-1], dtype=p.dtype, device=p.device) for p in distributions)
    return torch.stack([(p * place).sum(-1) for p, place in zip(distributions, places)], dim=-1)
