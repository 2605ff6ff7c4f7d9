"""How much larger a teacher's map is than the student's."""
import math
from typing import List, Sequence

from mmpose_kd.errors import ConfigError


def check_scale(scale: float) -> float:
    """Refuse a scale that leaves no map.

    Args:
        scale (float): Teacher's map size over the student's, which is the student's stride over the teacher's.

    Returns:
        float: The scale.

    Raises:
        ConfigError: It is not positive, or not finite.
    """
    if not 0 < scale < math.inf:
        raise ConfigError(f'scale must be a finite positive number (student stride / teacher stride), got {scale!r}.')
    return scale


def scaled(sides: Sequence[int], scale: float) -> List[int]:
    """Sides of a map ``scale`` times as high and wide, in whole cells.

    They are rounded, as a stride may be a rounded one; shrinking by a whole factor rounds up, as a convolution of that
    stride does.

    Example:
        >>> scaled((32, 24), 8 / 10.667)
        [24, 18]
        >>> scaled((5, 7), 1 / 2)
        [3, 4]
    """
    stride = whole_factor(scale)
    if stride and scale < 1:
        return [-(-side // stride) for side in sides]
    return [max(1, round(side * scale)) for side in sides]


def whole_factor(scale: float) -> int:
    """By how much a scale enlarges or shrinks, where that is a whole number; else 0.

    A factor counts as whole within a thousandth of it, as a stride such as 10.667 is a rounded one.

    Example:
        >>> whole_factor(2), whole_factor(8 / 31.99), whole_factor(2 / 3)
        (2, 4, 0)
    """
    factor = max(scale, 1 / scale)
    return round(factor) if abs(factor - round(factor)) <= 1e-3 * factor else 0
