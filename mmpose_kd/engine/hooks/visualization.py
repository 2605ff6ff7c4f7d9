"""Pictures of what a student learns from its teachers, while it does."""
import copy
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.models.pose_estimators.base import BasePoseEstimator
from mmpose.registry import HOOKS
from torch import nn

from mmpose_kd.engine.runner import unwrapped_model
from mmpose_kd.engine.undisturbed import undisturbed
from mmpose_kd.errors import ConfigError, check_count, did_you_mean
from mmpose_kd.keypoints import keypoint_names, parse_metainfo
from mmpose_kd.models.connectors import WeightAllocation
from mmpose_kd.models.labels import keypoint_weights
from mmpose_kd.models.objectives.base import STUDENT
from mmpose_kd.models.outputs import beta_of
from mmpose_kd.visualization import (
    draw_allocation,
    draw_distributions,
    draw_heatmaps,
    draw_matrix,
    feature_similarity,
    pose_grid,
)
from mmpose_kd.visualization.records import distributions, feature_taps, heatmaps, in_pixels, label_pose

HISTORY = 'distill_allocation'


@HOOKS.register_module()
class DistillVisualizationHook(Hook):
    """Draw at an interval what teachers and student see, into the visualizer's backends.

    Of the first persons of a training batch, or of the whole batch:

    - ``distill_poses``: the labels and the predictions of the student and of each teacher, side by side. The student
      predicts in evaluation mode.
    - ``distill_distributions``: the SimDR distributions of chosen joints of one person, as Fig. 4 of Multi-KD (Xu et
      al., BMVC 2024); ``distill_heatmaps`` where the heads return heatmaps. Each stage and branch has its own.
    - ``distill_allocation_loss_NAME``: the weights of an objective's stage pairs, averaged over the batch, now and at
      all intervals before. They are in the checkpoint, so that a resumed run goes on with the curves.
    - ``distill_similarity``: linear CKA between what the objectives tap in the student and in the teachers, see
      :func:`feature_similarity <mmpose_kd.visualization.feature_similarity>`.

    All but the first show what the objectives were given in the training step itself: an objective whose weight is 0
    shows nothing, and a picture without anything to show is left out. The training is not changed: between two
    intervals the hook does nothing, and its own predictions leave weights, BatchNorm's statistics and random states as
    they were. A picture that fails is left out from then on with a warning; the training goes on.

    Args:
        interval (int): Steps between two drawings. Default: 500.
        num_samples (int): Persons in ``distill_poses``; in the others the one of these with the most labelled joints is
            shown. Default: 6.
        joints (Sequence[str | int], optional): Names or indices of the joints whose distributions are drawn. Default:
            None, four that are spread evenly over the keypoints.
        size (int): Width and height of a person in ``distill_poses``, in pixels. Default: 160.

    Raises:
        ConfigError: A number is not positive; or, before the first step, there is no such joint.

    Example:
        >>> vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
        >>> visualizer = dict(type='PoseLocalVisualizer', vis_backends=vis_backends)
        >>> draw = dict(type='DistillVisualizationHook', interval=500, joints=['left_wrist', 'right_ankle'])
        >>> default_hooks = dict(draw=draw)  # a list of custom_hooks would replace that of the config's base
    """

    priority = 'LOW'

    def __init__(self,
                 interval: int = 500,
                 num_samples: int = 6,
                 joints: Optional[Sequence] = None,
                 size: int = 160) -> None:
        for name, value in (('interval', interval), ('num_samples', num_samples), ('size', size)):
            check_count(f'DistillVisualizationHook: {name}', value)
        if joints is not None and (isinstance(joints, str) or not isinstance(joints, Sequence) or not joints):
            raise ConfigError(f'DistillVisualizationHook: joints={joints!r} given, expected a list of names or indices '
                              'such as ["left_wrist", "right_ankle"].')
        self.interval = interval
        self.num_samples = num_samples
        self.joints = joints
        self.size = size
        self.metainfo: dict = {}
        self.chosen: Dict[str, int] = {}  # index of each joint whose distribution is drawn
        self._active = False
        self._watches: Optional[list] = None  # hooks on the objectives, in a step that is drawn
        self._seen: Dict[str, tuple] = {}  # what each objective was given: the records of student and teacher
        self._failed: set = set()

    def before_train(self, runner: Runner) -> None:
        model = unwrapped_model(runner)
        self.metainfo = parse_metainfo(getattr(model, 'metainfo', None)) or parse_metainfo(
            getattr(runner.train_dataloader.dataset, 'metainfo', None)) or {}
        self.chosen = _chosen_joints(self.joints, keypoint_names(self.metainfo) or [])
        self._active = is_main_process() and bool(self.metainfo) and bool(runner.visualizer._vis_backends)
        if not self._active and is_main_process():
            lacks = 'the dataset has no metainfo' if not self.metainfo else 'the visualizer has no vis_backends'
            runner.logger.warning(f'DistillVisualizationHook draws nothing: {lacks}.')

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if self._active and self.every_n_train_iters(runner, self.interval):
            objectives = getattr(unwrapped_model(runner), 'objectives', {})
            self._watches = [o.register_forward_pre_hook(self._watch(name)) for name, o in objectives.items()]

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if self._watches is None:
            return
        for watch in self._watches:
            watch.remove()
        seen, self._watches, self._seen = self._seen, None, {}
        step, model = runner.iter + 1, unwrapped_model(runner)
        for draw in (self._poses, self._outputs, self._allocation, self._similarity):
            self._try(draw, runner, step, model, data_batch, seen)

    def _watch(self, name: str) -> Callable:

        def watch(objective: nn.Module, args: tuple) -> None:
            student, teacher = args[:2]
            self._seen[name] = (student.detach(), teacher)

        return watch

    def _try(self, draw: Callable, runner: Runner, step: int, *args: Any) -> None:
        if draw.__name__ in self._failed:
            return
        try:
            for name, picture in draw(runner, step, *args).items():
                runner.visualizer.add_image(f'distill_{name}', picture, step=step)
        except Exception as error:  # no picture is worth a training
            self._failed.add(draw.__name__)
            runner.logger.warning(f'DistillVisualizationHook leaves out {draw.__name__[1:]} from now on: '
                                  f'{type(error).__name__}: {error}')

    def _poses(self, runner: Runner, step: int, model: BasePoseEstimator, batch: dict,
               seen: dict) -> Dict[str, np.ndarray]:
        raw = batch['inputs'][:self.num_samples]
        images = [np.ascontiguousarray(x.cpu().numpy().transpose(1, 2, 0)[..., ::-1]) for x in raw]
        test_cfg = dict(model.test_cfg or {}, flip_test=False, output_heatmaps=False)
        with undisturbed(model):
            inputs, samples = self._preprocessed(model, batch)
            poses: Dict[str, Any] = {'labels': label_pose(model.head, samples)}
            poses['student'] = _keypoints(
                model.head, model.head.predict(model.extract_feat(inputs), samples, test_cfg))
            teachers = {name: t for name, t in getattr(model, 'teachers', {}).items() if t.same_keypoints}
            for name, teacher in teachers.items():
                poses[name] = _keypoints(model.head, teacher.predict(inputs, samples, model.data_preprocessor))
        poses = {title: pose for title, pose in poses.items() if pose is not None}
        return dict(poses=pose_grid(images, poses, _labelled(samples), self.metainfo, self.size))

    def _outputs(self, runner: Runner, step: int, model: BasePoseEstimator, batch: dict,
                 seen: dict) -> Dict[str, np.ndarray]:
        if not seen:
            return {}
        with undisturbed(model):
            _, samples = self._preprocessed(model, batch)
            labels = label_pose(model.head, samples)
        labelled = np.stack(_labelled(samples))
        person, joints = int(labelled.sum(1).argmax()), list(self.chosen.values())
        models = {name: (teacher.outputs, model.teachers[name].head) for name, teacher in _teachers(seen, model)}
        models = {'student': (next(iter(seen.values()))[0].outputs, model.head), **models}
        rows: Dict[str, Any] = {}
        maps: Dict[str, Any] = {}
        for title, (outputs, head) in models.items():
            for key, pair in distributions(outputs, labelled.shape[1], title, beta_of(head)).items():
                rows[key] = tuple(axis[person, joints].cpu().numpy() for axis in pair)
            for key, heatmap in heatmaps(outputs, labelled.shape[1], title).items():
                maps[key] = heatmap[person, joints].cpu().numpy()
        pictures = {}
        if rows:
            if labels is not None:
                labels = np.where(labelled[person, joints, None], labels[person, joints], np.nan)
            size = batch['inputs'][0].shape[:0:-1]
            pictures['distributions'] = draw_distributions(rows, list(self.chosen), size, labels)
        if maps:
            pictures['heatmaps'] = draw_heatmaps(maps, list(self.chosen))
        return pictures

    def _allocation(self, runner: Runner, step: int, model: BasePoseEstimator, batch: dict,
                    seen: dict) -> Dict[str, np.ndarray]:
        history = runner.message_hub.get_info(HISTORY, {})
        pictures = {}
        for name in seen:
            found = [m for m in model.objectives[name].modules() if isinstance(m, WeightAllocation)]
            if found and found[0].last_gamma is not None:
                rows = history.setdefault(name, [])
                rows.append([step, *found[0].last_gamma.tolist()])
                values = np.array(rows)
                pictures[f'allocation_{name}'] = draw_allocation(
                    [row[0] for row in rows], values[:, 1:], found[0].pairs)
        if pictures:
            runner.message_hub.update_info(HISTORY, history)
        return pictures

    def _similarity(self, runner: Runner, step: int, model: BasePoseEstimator, batch: dict,
                    seen: dict) -> Dict[str, np.ndarray]:
        rows, columns = {}, {}
        for name, (student, teacher) in seen.items():
            objective = model.objectives[name]
            rows.update(feature_taps(student, objective.student_taps))
            found = feature_taps(teacher, objective.teacher_taps)
            columns.update({f'{objective.teacher} {path}': x for path, x in found.items()})
        if not rows or not columns:
            return {}
        values = np.array([[feature_similarity(x, y) for y in columns.values()] for x in rows.values()])
        if not np.isfinite(values).any():  # fewer than four images
            return {}
        return dict(similarity=draw_matrix(values, list(rows), list(columns), f'linear CKA at step {step}'))

    def _preprocessed(self, model: BasePoseEstimator, batch: dict) -> tuple:
        few = {key: copy.deepcopy(values[:self.num_samples]) for key, values in batch.items()}
        data = model.data_preprocessor(few, False)
        return data['inputs'], data['data_samples']


def _chosen_joints(joints: Optional[Sequence], names: List[str]) -> Dict[str, int]:
    if joints is None:
        joints = sorted({int(i) for i in np.linspace(0, len(names) - 1, min(4, len(names))).round()})
    for joint in joints:
        if joint not in names and not (isinstance(joint, int) and 0 <= joint < len(names)):
            raise ConfigError(f'DistillVisualizationHook: joints: {joint!r} is none of the student\'s {len(names)} '
                              f'keypoints.{did_you_mean(joint, names)} They are: {", ".join(names)}.')
    indices = [names.index(joint) if isinstance(joint, str) else joint for joint in joints]
    return {names[i]: i for i in indices}


def _teachers(seen: dict, model: BasePoseEstimator) -> Iterator[tuple]:
    """Name and record of every teacher but the student itself."""
    for name, (_, teacher) in seen.items():
        if model.objectives[name].teacher != STUDENT:
            yield model.objectives[name].teacher, teacher


def _keypoints(head: Any, predictions: Any) -> List[np.ndarray]:
    """Predictions, decoded as a head decodes, in pixels of the input."""
    predictions = predictions[0] if isinstance(predictions, tuple) else predictions
    return [in_pixels(head, np.asarray(p.keypoints)[0, :, :2]) for p in predictions]


def _labelled(samples: list) -> List[np.ndarray]:
    return list(keypoint_weights(samples).cpu().numpy() > 0)
