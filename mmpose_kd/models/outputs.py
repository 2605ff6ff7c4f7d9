"""What a head returned: heatmaps, those of several stages, or SimDR logits; and what its codec says of them."""
import logging
from typing import Any, List, Optional, Sequence, Tuple

from mmengine.logging import print_log
from mmpose.codecs import MegviiHeatmap, UDPHeatmap
from mmpose.models.heads import IntegralRegressionHead
from mmpose.models.losses import KLDiscretLoss
from torch import Tensor

from mmpose_kd.errors import ConfigError


def is_simdr(outputs: Any) -> bool:
    """Whether these are SimDR logits, a pair (N, K, Wx) and (N, K, Wy)."""
    return isinstance(outputs, (list, tuple)) and len(outputs) == 2 and all(
        isinstance(x, Tensor) and x.dim() == 3 for x in outputs)


def last_heatmaps(outputs: Any) -> Optional[Tensor]:
    """Heatmaps (N, K, H, W); of several stages those of the last, None where there is anything else."""
    stages = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return stages[-1] if stages and all(isinstance(x, Tensor) and x.dim() == 4 for x in stages) else None


def heatmaps_among(outputs: Any) -> Optional[Tensor]:
    """The last heatmaps (N, K, H, W) among what a head returned, such as coordinates; None where there are none."""
    entries = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return next((x for x in reversed(entries) if isinstance(x, Tensor) and x.dim() == 4), None)


def pose_head(head: Any) -> Any:
    """The head that finds the joints: of one around another, such as ``VisPredictHead``, the inner one."""
    return getattr(head, 'pose_head', head)


def maps_per_keypoint(head: Any) -> int:
    """How many maps beside each other a head has for a keypoint: three where ``UDPHeatmap`` adds offsets to it."""
    return 3 if getattr(getattr(head, 'decoder', None), 'heatmap_type', 'gaussian') == 'combined' else 1


def num_keypoints(head: Any) -> Optional[int]:
    """How many keypoints a head predicts; None where it does not say."""
    channels = getattr(head, 'out_channels', getattr(head, 'num_joints', None))
    return None if channels is None else channels // maps_per_keypoint(head)


def input_size_of(codec: Any) -> Optional[Tuple[int, int]]:
    """Width and height in pixels of the images that a codec is for; None where it does not say."""
    for part in (codec, getattr(codec, 'keypoint_codec', None)):  # IntegralRegressionLabel has two codecs
        size = getattr(part, 'input_size', None)
        if size is not None:
            return size[0], size[1]
    return None


def is_udp(codec: Any) -> bool:
    """Whether a codec puts the last cell of a heatmap on the last pixel of the image, as ``UDPHeatmap`` does."""
    return isinstance(codec, UDPHeatmap)


def pixels_per_cell(pixels: int, cells: int, udp: bool) -> float:
    """Distance of two cells of a heatmap, or bins of SimDR logits, whose first one lies on the first pixel.

    Args:
        pixels (int): Size of the input along this axis.
        cells (int): Cells or bins along it.
        udp (bool): Whether the last one lies on the last pixel, see :func:`is_udp`.
    """
    return (pixels - 1) / (cells - 1) if udp else pixels / cells


def decoded_scale(size: Sequence[int], udp: bool) -> List[float]:
    """What a codec decodes, over the pixel of the input that is meant, along x and y.

    ``UDPHeatmap`` encodes the last pixel as the last cell, and decodes that as the size of the input, from which MMPose
    finds the place in the photograph. Other codecs decode the pixel itself.

    Args:
        size (Sequence[int]): Width and height of the input in pixels.
        udp (bool): Whether the codec is such a one, see :func:`is_udp`.

    Returns:
        list[float]: A factor for each axis.
    """
    return [pixels / (pixels - 1) if udp else 1.0 for pixels in size]


def has_distributions(head: Any) -> bool:
    """Whether the sum of each heatmap of a head is 1, as integral regression has it."""
    return isinstance(pose_head(head), IntegralRegressionHead)


def beta_of(head: Any) -> float:
    """What a head's logits are multiplied by before the softmax that it is trained for; 1 where nothing sets it."""
    loss = _discrete_loss(head)
    return 1.0 if loss is None else float(loss.beta)


def _discrete_loss(head: Any) -> Optional[KLDiscretLoss]:
    loss = getattr(pose_head(head), 'loss_module', None)
    return loss if isinstance(loss, KLDiscretLoss) else None


def check_same_maps(student: Any, teacher: Any, losses: Sequence[Any]) -> None:
    """Refuse two heads whose heatmaps or logits are of other scales, or have their cells in other places.

    Args:
        student (nn.Module): The student's head.
        teacher (nn.Module): The teacher's.
        losses (Sequence[nn.Module]): What compares them.

    Raises:
        ConfigError: One of them has the maps of ``MegviiHeatmap`` or of ``IntegralRegressionHead``, the other has not;
            or both have, of another size in the first case, and with a loss that takes a softmax of them in the second;
            or they are trained at other ``beta`` of ``KLDiscretLoss``, and a loss takes both at one temperature.
    """
    softmax = _first_with('takes_softmax', losses)
    if softmax and has_distributions(student):
        raise ConfigError(f'loss: {softmax} takes a softmax of the maps, which those of integral regression are '
                          "already, so that next to nothing would be learned: use dict(type='HeatmapKDLoss', "
                          "mode='mse'), with a weight that is thousands of times as large.")
    kinds = [_kind_of_maps(pose_head(head)) for head in (student, teacher)]
    if kinds[0] != kinds[1]:
        raise ConfigError(f"the student's head has {kinds[0]}, the teacher's {kinds[1]}, which cannot be compared. "
                          'Give the student the kind of the teacher, or compare features with FeatureObjective.')
    own, theirs = beta_of(student), beta_of(teacher)
    both = _first_with('one_temperature', losses)
    if both and own != theirs:
        remedy = "Give the student a SimCCHead with the teacher's beta" if _discrete_loss(student) is None else (
            f"Set beta={theirs:g} in the loss of the student's head")
        raise ConfigError(f"loss: {both} takes the logits of both heads at one temperature, but the student's are "
                          f"trained at beta={own:g} of KLDiscretLoss and the teacher's at beta={theirs:g}: one of "
                          f'them would be too flat or too sharp. {remedy}, and temperature={1 / theirs:g} here, or '
                          'compare features with FeatureObjective.')
    _tell_if_flat(losses, own)


def _tell_if_flat(losses: Sequence[Any], beta: float) -> None:
    """Warn of losses that take logits of RTMPose's scale at the temperature that is meant for others."""
    for loss in losses:
        if beta > 1 and getattr(loss, 'one_temperature', False) and loss.temperature in (None, 1):
            print_log(f'loss: {type(loss).__name__} has temperature 1, its default, but both heads are trained at '
                      f'beta={beta:g} of KLDiscretLoss: at that temperature their distributions are nearly flat, and '
                      f'next to nothing is learned from them. Set temperature={1 / beta:g} here, and choose the weight '
                      'anew.', 'current', logging.WARNING)


def _first_with(attribute: str, losses: Sequence[Any]) -> Optional[str]:
    """Name of the first loss that says so of itself."""
    return next((type(loss).__name__ for loss in losses if getattr(loss, attribute, False)), None)


def _kind_of_maps(head: Any) -> str:
    if has_distributions(head):
        return 'maps whose sum is 1 (integral regression)'
    if isinstance(getattr(head, 'decoder', None), MegviiHeatmap):
        sizes = ', '.join('x'.join(map(str, size)) for size in (head.decoder.heatmap_size, head.decoder.input_size))
        return f'maps with peaks of 255 and half a cell aside (MegviiHeatmap, {sizes})'
    return 'logits, or maps with peaks of 1'
