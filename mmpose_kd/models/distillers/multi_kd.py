"""The distiller: a student that learns from frozen teachers while it trains."""
import logging
from typing import Any, Dict, List, MutableMapping, Optional, Sequence, Tuple, cast

import torch
from mmengine.logging import print_log
from mmengine.model import ModuleDict
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from torch import Tensor
from torch.utils.data import Dataset

from mmpose_kd.datasets.views import ViewDataset, checked_views
from mmpose_kd.errors import ConfigError, build, did_you_mean
from mmpose_kd.keypoints import keypoint_names, parse_metainfo
from mmpose_kd.models.objectives.base import STUDENT, Objective
from mmpose_kd.models.outputs import check_same_maps, num_keypoints
from mmpose_kd.models.taps import Record, Recorder, is_output, tensors

from .cached_teacher import CachedTeacher
from .schedules import Progress, build_schedule
from .state import checked_modules, keep_out_of_state_dict, load_training_only_state, training_only_state
from .teacher import Teacher
from .teachers import absolute_paths, build_teacher, teacher_arguments, teacher_place


@MODELS.register_module()
class MultiKDDistiller(TopdownPoseEstimator):
    """A top-down pose estimator that also learns from teachers, by named objectives.

    The distiller *is* the student: backbone, neck and head are the student's, and its ``state_dict`` holds exactly the
    plain student's keys. One training step runs the student once and each teacher once; every objective compares
    what the two recorded (Multi-KD, BMVC 2024, Eq. 8: the task loss plus the weighted objectives). While its weight is
    0 an objective is not computed, nor is a teacher that no other one needs. Testing, export and inference never touch
    a teacher: it is loaded when training begins.

    What only training needs is saved under the checkpoint's key ``distillation`` and restored on resume by
    :class:`DistillCheckpointHook`, which the runner registers by itself: the weights of the objectives' connectors, and
    of the children that a backbone, neck or head names in its attribute ``training_only``.

    Args:
        teacher (dict, optional): Arguments of :class:`Teacher`, or a dict of such dicts by name where there are
            several. None for objectives that need no teacher. Default: None.
        objectives (dict[str, dict]): Configs of the objectives by name. A name is the key of the logged loss, so it
            must begin with ``loss_``. An objective with ``teacher='student'`` is taught by what the student itself
            recorded in the same step, without a gradient: self-distillation and online distillation.
        frozen (Sequence[str]): The student's modules that are not trained, such as 'backbone' or 'head.base': they get
            no gradient and stay in evaluation mode. Default: none.

    The other arguments are those of ``TopdownPoseEstimator``.

    Raises:
        ConfigError: An objective, schedule or teacher is misspelt, contradictory or missing.

    Example:
        >>> model = dict(
        ...     type='MultiKDDistiller',
        ...     teacher=dict(config='../teachers/hrnet-w32_simdr_mpii-256x256.py', checkpoint='work_dirs/w32/best.pth'),
        ...     objectives=dict(loss_vkd=dict(type='OutputObjective', loss=dict(type='SimDRKLLoss'), weight=0.64)))
    """

    #: Hooks that a runner needs for this model; see :mod:`mmpose_kd.engine.runner`.
    required_hooks = ('DistillCheckpointHook', 'TeacherMetricHook', 'TrainingGuardHook')

    def __init__(self,
                 backbone: dict,
                 neck: Optional[dict] = None,
                 head: Optional[dict] = None,
                 train_cfg: Optional[dict] = None,
                 test_cfg: Optional[dict] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None,
                 metainfo: Optional[dict] = None,
                 teacher: Optional[dict] = None,
                 objectives: Optional[Dict[str, dict]] = None,
                 frozen: Sequence[str] = ()) -> None:
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            train_cfg=train_cfg,
            test_cfg=test_cfg,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
            metainfo=metainfo)
        self.teacher_cfgs = teacher_arguments(teacher)
        self._build_objectives(_checked_objectives(objectives))
        self._check_teacher_names()
        taps = [t for o in self.objectives.values() for t in o.student_taps]
        taps += self.teacher_taps(STUDENT)
        self.recorder = Recorder(self, taps, 'student_taps')
        self._freeze(checked_modules(self, frozen, 'model.frozen'))
        self.config_folder: Optional[str] = None  # of the config file, set by the runner
        self.message_hub: Optional[str] = None  # name of the runner's, set by DistillCheckpointHook
        self.teachers: Dict[str, Teacher] = {}  # filled by load_teachers()
        self._checked = False
        keep_out_of_state_dict(self)

    def _build_objectives(self, objectives: Dict[str, dict]) -> None:
        self.objectives = cast(MutableMapping[str, Objective], ModuleDict())  # MMEngine's: it initialises
        self.schedules = {}
        for name, cfg in objectives.items():
            where = f'model.objectives.{name}'
            with torch.random.fork_rng(devices=[]):  # the student begins as it would alone with the same seed
                objective = build(MODELS, cfg, where)
            if not isinstance(objective, Objective):
                raise ConfigError(f'{where}: {type(objective).__name__} is no objective.')
            self.objectives[name] = objective
            self.schedules[name] = build_schedule(objective.weight, f'{where}.weight')

    def _freeze(self, names: Tuple[str, ...]) -> None:
        self.frozen = names
        for name in names:
            self.get_submodule(name).requires_grad_(False)
        if names and not any(p.requires_grad for part in (self.backbone, self.head, getattr(self, 'neck', None))
                             if part is not None for p in part.parameters()):
            raise ConfigError(f'model.frozen={list(names)}: nothing of the student is left to train.')

    def load_teachers(self, dataset: Optional[Dataset] = None) -> None:
        """Load the teachers and map their keypoints to the student's; once, before the first step.

        Args:
            dataset (Dataset, optional): The training set, for the names of the student's keypoints, and for what a
                teacher's cache has to be of.

        Raises:
            ConfigError: A teacher cannot be built or loaded, lacks one of the student's keypoints, or its cache is
                stale.
        """
        meta = self.metainfo or parse_metainfo(getattr(dataset, 'metainfo', None))
        if any('cache' in cfg for cfg in self.teacher_cfgs.values()):
            checked_views(dataset)
        teachers = {}
        for name, cfg in self.teacher_cfgs.items():
            where = teacher_place(name, self.teacher_cfgs)
            taps = self.teacher_taps(name)
            try:
                teacher = build_teacher(cfg, taps=taps, folder=self.config_folder)
                if isinstance(teacher, CachedTeacher):
                    teacher.check_data(cast(ViewDataset, dataset))
                self._match_keypoints(name, teacher, meta)
                teacher.match_codec(self.head)
                if self._reads_outputs(name):
                    losses = [getattr(objective, 'loss', None) for objective in self._pupils(name)]
                    check_same_maps(self.head, teacher.head, losses)
            except ConfigError as error:
                raise ConfigError(f'{where}: {error}') from None
            teachers[name] = teacher.to(next(self.parameters()).device)
        self.teachers = teachers

    def _match_keypoints(self, name: str, teacher: Teacher, meta: Optional[dict]) -> None:
        try:
            teacher.match_keypoints(keypoint_names(meta), num_keypoints(self.head), (meta or {}).get('flip_indices'))
        except ConfigError as error:
            if self._reads_outputs(name):
                raise
            teacher.features_alone()
            print_log(f'{error} Only its features are compared, which need no keypoints; its metric is not shown.',
                      'current', logging.WARNING)

    def _reads_outputs(self, name: str) -> bool:
        """Whether what its head returns is compared, so that both need the same keypoints; else features alone."""
        return any(map(is_output, self.teacher_taps(name)))

    def teacher_taps(self, name: str) -> List[str]:
        """The paths that the objectives ask of a teacher; ``'outputs'`` for one that names none."""
        return [tap for objective in self._pupils(name) for tap in objective.teacher_taps or ['outputs']]

    def locate_teachers(self, folder: str, cfg: Optional[dict] = None) -> None:
        """Say where the config file is, so that the teachers' paths can be relative to it.

        Args:
            folder (str): The config file's folder.
            cfg (dict, optional): The model's config, whose paths are made absolute: the copy of the config that the
                runner saves then works from any folder.
        """
        self.config_folder = folder
        absolute_paths(self.teacher_cfgs, folder)
        absolute_paths((cfg or {}).get('teacher'), folder)

    def predict_teacher(self, name: str, inputs: Tensor, data_samples: list) -> list:
        """A teacher's predictions on the student's images, as :meth:`predict` returns the student's.

        Args:
            name (str): The teacher's name, 'teacher' where there is one.
            inputs (Tensor): Images (N, 3, H, W).
            data_samples (list[PoseDataSample]): The batch's annotations.

        Returns:
            list[PoseDataSample]: The samples with ``pred_instances``, in the student's keypoint order.
        """
        flip_test = self.test_cfg.get('flip_test', False)
        preds = self.teachers[name].predict(inputs, data_samples, self.data_preprocessor, flip_test)
        return self.add_pred_to_datasample(preds, None, data_samples)

    def loss(self, inputs: Tensor, data_samples: list) -> Dict[str, Tensor]:
        """The student's own losses, every objective's, and the objectives' current weights.

        Args:
            inputs (Tensor): Images (N, 3, H, W).
            data_samples (list[PoseDataSample]): The batch's annotations.

        Returns:
            dict[str, Tensor]: ``loss_...`` are summed for the backward pass; ``weight_...`` are logged only.
        """
        if len(self.teachers) < len(self.teacher_cfgs):
            self.load_teachers()
        progress = Progress.of_runner(self.message_hub)
        weights = {name: schedule.value(progress) for name, schedule in self.schedules.items()}
        answers = self._answers(inputs, weights, data_samples)  # before the student holds memory for its backward pass
        with self.recorder.record() as student:
            losses = super().loss(inputs, data_samples)
        records = {name: self.teachers[name].translate(answer, inputs, student.outputs)
                   for name, answer in answers.items()}
        records[STUDENT] = student.detach()
        for name, objective in self.objectives.items():
            if name in losses:
                raise ConfigError(f'model.objectives.{name}: the student\'s head already has a loss of that name; '
                                  'choose another.')
            losses[name] = self._weighted(name, objective, weights[name], student, records, data_samples)
            losses[f'weight_{name[len("loss_"):]}'] = inputs.new_full((), weights[name])
        self._checked = True
        return losses

    def try_loss(self, inputs: Tensor, data_samples: list) -> None:
        """Compute :meth:`loss` for its errors alone, before a training; its first step is checked all the same."""
        self.loss(inputs, data_samples)
        self._checked = False

    def train(self, mode: bool = True) -> 'MultiKDDistiller':
        """Set training or evaluation mode; what is frozen stays in evaluation."""
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self

    def distillation_state(self) -> Dict[str, Any]:
        """What a checkpoint keeps beside the student, by module: all that only training needs."""
        return training_only_state(self)

    def load_distillation_state(self, state: Dict[str, Any]) -> None:
        """Take back what :meth:`distillation_state` returned.

        Raises:
            ConfigError: The state belongs to other objectives.
        """
        try:
            load_training_only_state(self, state)
        except (KeyError, RuntimeError) as error:
            raise ConfigError('the checkpoint was written with other objectives, so this training cannot be resumed: '
                              f'{error}. Resume with the config it was started with, or start anew from its weights '
                              'with load_from.') from None

    def _apply(self, fn, *args, **kwargs):
        result = super()._apply(fn, *args, **kwargs)
        for teacher in self.teachers.values():
            teacher.to(next(self.parameters()).device)
        return result

    def _answers(self, inputs: Tensor, weights: Dict[str, float], data_samples: list) -> Dict[str, Record]:
        needed = {o.teacher for name, o in self.objectives.items() if weights[name] > 0}
        answers = {}
        for name, teacher in self.teachers.items():
            if name in needed or not self._checked:
                answers[name] = teacher.answer(inputs, self.data_preprocessor, data_samples)
                if not self._checked:
                    self._check_finite(name, answers[name])
        return answers

    def _weighted(self, name: str, objective: Objective, weight: float, student: Record, records: Dict[str, Record],
                  data_samples: list) -> Tensor:
        if weight == 0 and self._checked:
            return self._idle(objective, student)
        if weight == 0:  # it is only checked: it draws no number and moves no average
            objective.eval()
        try:
            value = objective(student, records[objective.teacher], data_samples)
        except ConfigError as error:
            raise ConfigError(f'model.objectives.{name}: {error}') from error
        if weight == 0:
            objective.train(self.training)
        if not isinstance(value, Tensor) or value.dim() > 0:
            got = f'a tensor of shape {tuple(value.shape)}' if isinstance(value, Tensor) else repr(value)
            raise ConfigError(f'model.objectives.{name}: {type(objective).__name__} must return a scalar loss in every '
                              f'step, but returned {got}.')
        if not self._checked and not torch.isfinite(value):
            raise ConfigError(f'model.objectives.{name}: the loss is {value.item()} in the first step.')
        if not self._checked and torch.is_grad_enabled():
            self._check_trained(name, objective, value, student)
        return weight * value

    def _idle(self, objective: Objective, student: Record) -> Tensor:
        """Zero, at no cost, with a gradient of zero for each parameter that the objective reaches, as DDP expects.

        Also for those of the student: of an ``IGPGCNHead`` without losses on labels nothing else reaches the steps.
        """
        reached = [student[path] for path in objective.student_taps] or [student.outputs]
        zero = torch.zeros((), device=next(self.parameters()).device)
        return sum((x.flatten()[:0].sum() for x in [*objective.parameters(), *tensors(reached)]), zero)

    def _check_trained(self, name: str, objective: Objective, value: Tensor, student: Record) -> None:
        """Refuse an objective that reaches no weight of the student; its own connectors alone would learn."""
        idle = [path for path in objective.student_taps
                if not any(tensor.requires_grad for tensor in tensors(student[path]))]
        remedy = ('tap another module, outside of blocks that are computed twice to save memory (with_cp), or free '
                  f'what is frozen (frozen_stages, model.frozen={list(self.frozen)}).')
        if not value.requires_grad or (idle and len(idle) == len(objective.student_taps)):
            raise ConfigError(f'model.objectives.{name}: it can teach nothing, as nothing that it compares is trained. '
                              f'Drop it, {remedy}')
        if idle:
            print_log(f'model.objectives.{name}: student_taps "{idle[0]}" teaches nothing, as no gradient reaches what '
                      f'comes before it. Drop it, {remedy}', 'current', logging.WARNING)

    def _check_finite(self, name: str, record: Record) -> None:
        parts = {'outputs': record.outputs, **{f'tap "{path}"': value for path, value in record.taps.items()}}
        for part, value in parts.items():
            if not all(torch.isfinite(tensor).all() for tensor in tensors(value)):
                place = teacher_place(name, self.teacher_cfgs)
                raise ConfigError(f'{place}: NaN or infinity in the teacher\'s {part}. The checkpoint is broken, its '
                                  'data preprocessing is another, or the precision "fp16" overflows: try "bf16" or '
                                  '"fp32".')

    def _pupils(self, teacher: str) -> List[Objective]:
        return [o for o in self.objectives.values() if o.teacher == teacher]

    def _check_teacher_names(self) -> None:
        for name, objective in self.objectives.items():
            if objective.teacher not in (STUDENT, *self.teacher_cfgs):
                given = f'names {", ".join(self.teacher_cfgs)}' if self.teacher_cfgs else 'is not given'
                raise ConfigError(f'model.objectives.{name}: needs the teacher "{objective.teacher}", but '
                                  f'model.teacher {given}.'
                                  f'{did_you_mean(objective.teacher, self.teacher_cfgs)}')
        unused = [name for name in self.teacher_cfgs if not self._pupils(name)]
        if unused:
            raise ConfigError(f'{teacher_place(unused[0], self.teacher_cfgs)}: no objective uses this teacher.')


def _checked_objectives(objectives: Optional[Dict[str, dict]]) -> Dict[str, dict]:
    if not isinstance(objectives, dict) or not objectives:
        raise ConfigError(f'model.objectives: expected a dict of at least one objective by name, got {objectives!r}.')
    for name in objectives:
        if not name.startswith('loss_') or '.' in name:
            raise ConfigError(f'model.objectives: the name "{name}" must begin with "loss_" and contain no dot, as '
                              f'"loss_{name.replace(".", "_")}" does: MMEngine adds up only what is named so.')
        if 'loss' in name[len('loss_'):]:
            raise ConfigError(f'model.objectives: the name "{name}" contains "loss" twice, and MMEngine would add the '
                              f'weight that is logged beside it to the total loss; drop the second.')
    return objectives
