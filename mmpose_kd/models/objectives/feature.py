"""Intermediate features, one student stage against one teacher stage."""
from typing import List, Optional, Sequence, Union

from mmengine.model import ModuleList
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, build, is_count, is_factor
from mmpose_kd.models.taps import Record

from .base import STUDENT, Objective, same_values


def check_lengths(taps_name: str, taps: Sequence[str], **lists: Optional[Sequence]) -> None:
    """Check that there is a tap, and that every list which is given has one entry for each.

    Args:
        taps_name (str): Name of the argument that holds the taps.
        taps (Sequence[str]): The taps.
        **lists (Sequence, optional): Other arguments by name.

    Raises:
        ConfigError: There is no tap, or an argument is no list or one of another length.
    """
    if not isinstance(taps, (list, tuple)) or not taps:
        raise ConfigError(f'{taps_name} must be a list of at least one path, got {taps!r}.')
    for name, values in lists.items():
        if values is not None and (not isinstance(values, (list, tuple)) or len(values) != len(taps)):
            raise ConfigError(f'{name} must be a list with one entry for each of the {len(taps)} {taps_name}, '
                              f'got {values!r}.')
        if name.endswith('channels') and not all(map(is_count, values or ())):
            raise ConfigError(f'{name}={values!r}: expected whole numbers above 0.')
        if name.endswith('strides') and not all(is_factor(value) and value > 0 for value in values or ()):
            raise ConfigError(f'{name}={values!r}: expected numbers above 0.')


def tapped(record: Record, side: str, taps: Sequence[str], channels: Optional[Sequence[int]]) -> List[Tensor]:
    """The features that a side recorded at its taps.

    Args:
        record (Record): What the side's forward pass produced.
        side (str): ``'student'`` or ``'teacher'``.
        taps (Sequence[str]): Paths of the features.
        channels (Sequence[int], optional): Channels that the config states for them; None: it states none.

    Returns:
        list[Tensor]: One feature for each tap; (N, C, H, W) with the stated C where ``channels`` is given.

    Raises:
        ConfigError: A tap gives no tensor, or not one with the stated channels.
    """
    features = [record[tap] for tap in taps]
    for i, (tap, x) in enumerate(zip(taps, features)):
        if not isinstance(x, Tensor):
            entries = f' of {len(x)} entries: index it, such as "{tap}[-1]"' if isinstance(x, (list, tuple)) else ''
            raise ConfigError(f"{side} '{tap}' gives no tensor but a {type(x).__name__}{entries}.")
        if channels is None:
            continue
        if x.dim() != 4:
            raise ConfigError(f"{side} '{tap}' gives {tuple(x.shape)}; a connector takes a feature map (N, C, H, W). "
                              'Tap the backbone, such as "backbone[-1]": what a head receives may be pooled.')
        if x.shape[1] != channels[i]:
            raise ConfigError(f"{side} '{tap}' gives {tuple(x.shape)}, but {side}_channels[{i}] is {channels[i]}: "
                              f'set {side}_channels[{i}]={x.shape[1]}.')
    return features


def check_fits(student: Tensor, aligned: Tensor, teacher: Tensor, student_tap: str, teacher_tap: str,
               connector: Optional[nn.Module], hint: str) -> None:
    """Check that an aligned student feature has the teacher's shape.

    Args:
        student (Tensor): Student feature before the connector.
        aligned (Tensor): Student feature after the connector.
        teacher (Tensor): Teacher feature.
        student_tap (str): Path of the student feature.
        teacher_tap (str): Path of the teacher feature.
        connector (nn.Module, optional): What aligned it.
        hint (str): What to change in the config, where the map is larger or smaller by the same factor on both sides.

    Raises:
        ConfigError: The shapes differ.
    """
    if aligned.shape == teacher.shape:
        return
    after = '' if connector is None else f', which {type(connector).__name__} makes {tuple(aligned.shape)}'
    factor = ''
    if student.dim() == teacher.dim() == 4:
        height, width = (t / s for t, s in zip(teacher.shape[2:], student.shape[2:]))
        factor = f" The teacher's map is {height:g} times as high and {width:g} times as wide."
        if height != width:
            hint = ('No strides have two ratios: give student and teacher inputs of the same aspect ratio, whose sides '
                    'are multiples of the largest stride.')
    raise ConfigError(f"student '{student_tap}' gives {tuple(student.shape)}{after}; "
                      f"teacher '{teacher_tap}' gives {tuple(teacher.shape)}.{factor} {hint}")


def _check_unconnected(i: int, tap: str, own: float, wanted: float, itself: bool) -> None:
    """Check a pair without a connector: the strides that the config states, and that it is not one feature twice."""
    if own != wanted:
        raise ConfigError(f'student_strides[{i}]={own:g} and teacher_strides[{i}]={wanted:g} given, but no '
                          "connector that resizes the one to the other. Add connector=dict(type='ConvAligner'), or "
                          'drop the strides.')
    if itself:
        raise ConfigError(f"student_taps[{i}]='{tap}' of teacher='student' is its own teacher_taps[{i}], which would "
                          'be compared with itself: tap another module for one of them.')


@MODELS.register_module()
class FeatureObjective(Objective):
    """Compare features in pairs: the i-th student tap with the i-th teacher tap.

    The form of FitNets (Romero et al., ICLR 2015): ``sum_i loss(connector_i(student_i), teacher_i)``. FitNets has one
    pair and half the squared error; here the loss is exchangeable and is not halved.

    A connector is built for each pair with ``in_channels``, ``out_channels`` and ``scale`` (student stride over teacher
    stride). A loss takes both features and returns a scalar. Shapes are compared before it is called, unless the loss
    has an attribute ``same_shape = False``, as one that compares relations between persons would.

    Args:
        student_taps (Sequence[str]): Path of each student feature.
        teacher_taps (Sequence[str]): Path of each teacher feature.
        connector (dict | list[dict | None], optional): Connector of every pair, or a list of one for each pair; None
            where the features fit as they are. Default: None.
        student_channels (Sequence[int], optional): Channels of each student feature. Needed with a connector.
        teacher_channels (Sequence[int], optional): Channels of each teacher feature. Needed with a connector.
        student_strides (Sequence[float], optional): Stride of each student feature. Default: equal strides.
        teacher_strides (Sequence[float], optional): Stride of each teacher feature. Default: equal strides.
        loss (dict): How two features are compared. Default: ``dict(type='FeatureMSELoss')``.
        weight (float | dict): Factor of the loss, or a schedule. Default: 1.
        teacher (str): Which teacher. Default: 'teacher'.
        init_cfg (dict, optional): Initialisation of the connectors.

    Raises:
        ConfigError: At build, lists of different lengths, a connector without channels, other strides without a
            connector, or a feature that would be compared with itself; at the first step, features that do not have
            the stated channels or do not fit each other.

    Example:
        >>> import torch
        >>> from mmpose.registry import MODELS
        >>> from mmpose_kd.models.taps import Record
        >>> objective = MODELS.build(dict(
        ...     type='FeatureObjective', student_taps=['feats[-1]'], teacher_taps=['feats[-1]'],
        ...     connector=dict(type='ConvAligner'), student_channels=[40], teacher_channels=[32]))
        >>> objective(Record(feats=[torch.rand(2, 40, 8, 6)]), Record(feats=[torch.rand(2, 32, 8, 6)]), []).shape
        torch.Size([])
    """

    def __init__(self,
                 student_taps: Sequence[str],
                 teacher_taps: Sequence[str],
                 connector: Union[dict, Sequence[Optional[dict]], None] = None,
                 student_channels: Optional[Sequence[int]] = None,
                 teacher_channels: Optional[Sequence[int]] = None,
                 student_strides: Optional[Sequence[float]] = None,
                 teacher_strides: Optional[Sequence[float]] = None,
                 loss: dict = dict(type='FeatureMSELoss'),
                 weight: Union[float, dict] = 1.0,
                 teacher: str = 'teacher',
                 init_cfg: Optional[dict] = None):
        listed = None if connector is None or isinstance(connector, dict) else connector
        check_lengths('student_taps', student_taps, teacher_taps=teacher_taps,
                      connector=listed, student_channels=student_channels, teacher_channels=teacher_channels,
                      student_strides=student_strides, teacher_strides=teacher_strides)
        connectors = [connector] * len(student_taps) if listed is None else listed
        if any(connectors) and (student_channels is None or teacher_channels is None):
            raise ConfigError('a connector needs student_channels and teacher_channels, one entry for each tap.')
        if (student_strides is None) != (teacher_strides is None):
            raise ConfigError('give both student_strides and teacher_strides, or neither.')
        strides_s = student_strides or [1] * len(student_taps)
        strides_t = teacher_strides or [1] * len(student_taps)
        for i, cfg in enumerate(connectors):
            if cfg is None:
                itself = teacher == STUDENT and student_taps[i] == teacher_taps[i]
                _check_unconnected(i, student_taps[i], strides_s[i], strides_t[i], itself)
        super().__init__(weight, teacher, student_taps, teacher_taps, init_cfg)
        self.student_channels = student_channels
        self.teacher_channels = teacher_channels
        none = [0] * len(student_taps)  # where there is no connector to read them
        channels_s, channels_t = student_channels or none, teacher_channels or none
        self.connectors = ModuleList([
            nn.Identity() if cfg is None else build(
                MODELS, cfg, f'connector[{i}]', in_channels=channels_s[i],
                out_channels=channels_t[i], scale=strides_s[i] / strides_t[i])
            for i, cfg in enumerate(connectors)])
        self.loss = build(MODELS, loss, 'loss')

    def forward(self, student: Record, teacher: Record, data_samples: list) -> Tensor:
        """Sum of the loss over the pairs, a scalar; see :meth:`Objective.forward`."""
        features_s = tapped(student, 'student', self.student_taps, self.student_channels)
        features_t = tapped(teacher, 'teacher', self.teacher_taps, self.teacher_channels)
        total = features_s[0].new_zeros(())
        for i, (connector, x, y) in enumerate(zip(self.connectors, features_s, features_t)):
            if self.teacher == STUDENT and isinstance(connector, nn.Identity) and same_values(x, y):
                raise ConfigError(f"student_taps[{i}]='{self.student_taps[i]}' and teacher_taps[{i}]="
                                  f"'{self.teacher_taps[i]}' of teacher='student' are the same feature, which would be "
                                  'compared with itself: tap another module for one of them.')
            aligned = connector(x)
            if getattr(self.loss, 'same_shape', True):
                self._check_pair(i, x, aligned, y)
            total = total + self.loss(aligned, y)
        return total

    def _check_pair(self, i: int, x: Tensor, aligned: Tensor, y: Tensor) -> None:
        connector: Optional[nn.Module] = self.connectors[i]
        if isinstance(connector, nn.Identity):
            connector = None
            hint = ("Add connector=dict(type='ConvAligner') with student_channels, teacher_channels, student_strides "
                    'and teacher_strides.')
        else:
            hint = f'Set student_strides[{i}] and teacher_strides[{i}] to that ratio.'
        check_fits(x, aligned, y, self.student_taps[i], self.teacher_taps[i], connector, hint)
