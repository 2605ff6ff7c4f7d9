"""Numbers of a config that a training step needs on the device."""
from typing import Any, Optional

import torch
from torch import Tensor


def constant(values: Any, like: Tensor, dtype: Optional[torch.dtype] = None) -> Tensor:
    """Numbers as a tensor on the device of another.

    Unlike ``torch.tensor(values, device='cuda')`` and ``like.new_tensor(values)`` it does not wait until the device has
    done all that it was given before.

    Args:
        values (float | Sequence): Numbers, nested as the tensor shall be.
        like (Tensor): Where they are needed.
        dtype (torch.dtype, optional): Default: that of ``like``.

    Returns:
        Tensor: The numbers.
    """
    return torch.tensor(values, dtype=dtype or like.dtype).to(like.device, non_blocking=True)
