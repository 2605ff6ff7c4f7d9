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
    """Sides of a map ``scale`` times as high and wide, rounded to whole cells, as a stride may be a rounded one.

    Example:
        >>> scaled((32, 24), 8 / 10.667)
        [24, 18]
    """
    return [max(1, round(side * scale)) for side in sides]
