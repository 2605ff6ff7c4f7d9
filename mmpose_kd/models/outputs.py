"""What a head returned: heatmaps, those of several stages, or SimDR logits."""
from typing import Any, Optional

from torch import Tensor


def is_simdr(outputs: Any) -> bool:
    """Whether these are SimDR logits, a pair (N, K, Wx) and (N, K, Wy)."""
    return isinstance(outputs, (list, tuple)) and len(outputs) == 2 and all(
        isinstance(x, Tensor) and x.dim() == 3 for x in outputs)


def last_heatmaps(outputs: Any) -> Optional[Tensor]:
    """Heatmaps (N, K, H, W); of several stages those of the last, None where there are none."""
    stages = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return stages[-1] if stages and all(isinstance(x, Tensor) and x.dim() == 4 for x in stages) else None
