"""A frozen teacher that lives outside the module tree."""
import json
import logging
import zlib
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_kd.checkpoint import dataset_meta_of, load_checkpoint, load_strictly, state_dict_of
from mmpose_kd.config import find_file, load_config
from mmpose_kd.errors import ConfigError, first_line
from mmpose_kd.keypoints import check_same_keypoints, dataset_metas, keypoint_names, map_keypoints, parse_metainfo
from mmpose_kd.machine import emulates
from mmpose_kd.models.outputs import (
    beta_of,
    decoded_scale,
    has_distributions,
    heatmaps_among,
    input_size_of,
    is_simdr,
    is_udp,
    maps_per_keypoint,
    num_keypoints,
    pose_head,
)
from mmpose_kd.models.taps import Record, Recorder, to_float32
from mmpose_kd.parts import check_packages, class_of, with_names

from .alignment import Cells, Resize, renormalise, same_images
from .compiling import compiled
from .folding import fold_batch_norms
from .state import deployed_model, deployed_weights
from .teacher_config import PRECISIONS, check_teacher
from .translation import Translation


class Teacher:
    """A frozen pose estimator whose outputs arrive as the student's would.

    It is no ``nn.Module``: no state_dict, EMA copy, optimizer, DDP bucket or ``train()`` reaches it, and a deepcopy of
    the distiller shares it. Its images are re-normalised and resized to what it was trained on; its keypoints are
    picked by name, and its heatmaps or SimDR logits are resampled to the student's size. Its BatchNorms are folded into
    its convolutions, which changes no more than the rounding.

    Args:
        config (str | dict): Config file (absolute, relative to the student's config file or to the working directory,
            or ``'mmpose::...'``), a whole config, or a model's config.
        checkpoint (str, optional): File or URL of its weights. Needed unless ``allow_random_weights`` is set.
        allow_random_weights (bool): Run without a checkpoint; for tests only. Default: False.
        precision (str): 'fp32', 'fp16' or 'bf16' for its backbone and neck; the head stays in float32. It is a small
            part of the cost, but for heads that upsample, such as SimpleBaseline's. Default: 'fp32'.
        channels_last (bool): Memory format of its backbone and neck. Default: False.
        compile (bool): Whether its backbone and neck run under ``torch.compile`` when they teach: cheaper steps after
            half a minute or more for the first, and as much for the first batch of another size. On a CPU it needs a
            C++ compiler. Default: False.
        input_size (tuple[int, int], optional): Its input size (w, h) in pixels. Default: what its codec says, which for
            a SimCC head is the only one; else the student's, with a warning.
        metainfo (dict, optional): Dataset metainfo with its keypoints' names, such as
            ``dict(from_file='configs/_base_/datasets/coco.py')``. Default: from the checkpoint or its config.
        report_metric (bool): Whether :class:`TeacherMetricHook` evaluates it once on the validation set.
            Default: True.
        taps (Sequence[str]): Paths to record; the objectives' ``teacher_taps``, not set by hand.
        folder (str, optional): Folder of the student's config file.

    Raises:
        ConfigError: The config or checkpoint is missing or broken, the model is no top-down one, the weights do not fit
            it, ``input_size`` is not that of its bins, or a tap names no module.

    Example:
        >>> teacher = dict(config='../teachers/hrnet-w32.py', checkpoint='work_dirs/w32/best.pth', precision='bf16')
    """

    def __init__(self,
                 config: Union[str, dict],
                 checkpoint: Optional[str] = None,
                 allow_random_weights: bool = False,
                 precision: str = 'fp32',
                 channels_last: bool = False,
                 compile: bool = False,
                 input_size: Optional[Tuple[int, int]] = None,
                 metainfo: Optional[dict] = None,
                 report_metric: bool = True,
                 taps: Sequence[str] = (),
                 folder: Optional[str] = None) -> None:
        check_teacher(config, checkpoint, allow_random_weights, precision, input_size, metainfo, compile=compile)
        cfg = load_config(config, folder)
        check_packages(cfg.model)
        self.cfg = deployed_model(cfg.model)
        self.model = _build_model(self.cfg)
        codec = getattr(self.head, 'decoder', None)
        self.input_size = _checked_size(input_size, codec)
        Recorder(self.model, taps, 'teacher_taps')  # a wrong tap is known before a file is read
        meta = self._load_weights(checkpoint, folder, cfg.model)
        self.model.requires_grad_(False).eval()
        self.checksum = _checksum(self.model)
        if self.input_size:
            self.model = fold_batch_norms(self.model, taps, self.input_size)
        self.recorder = Recorder(self.model, taps, 'teacher_taps')
        self.modules = list(self.model.modules())
        self.dtype = PRECISIONS[precision]
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        for part in ('backbone', 'neck'):
            if getattr(self.model, part, None) is not None:
                getattr(self.model, part).to(dtype=self.dtype, memory_format=self.memory_format)
        self.extract_feat = self.model.extract_feat
        if compile:
            self.recorder.keep_hooks()
            self.extract_feat = compiled(self.model.extract_feat)
        self.metainfo = parse_metainfo(metainfo) or parse_metainfo(meta) or self._metainfo_of(cfg)
        self.names = keypoint_names(self.metainfo)
        self.report_metric = report_metric
        self.indices: Optional[List[int]] = None
        self.same_keypoints = True
        self.same_images: Optional[bool] = None  # as the student's preprocessor makes; known with the first batch
        self.udp = self.student_udp = is_udp(codec)
        self.device = torch.device('cpu')

    def _load_weights(self, checkpoint: Optional[str], folder: Optional[str], model_cfg: dict) -> Optional[dict]:
        """The dataset's metainfo that the checkpoint holds, if it does."""
        if checkpoint is None:
            print_log('the teacher has RANDOM WEIGHTS (allow_random_weights=True)', 'current', logging.WARNING)
            return None
        loaded = load_checkpoint(find_file(checkpoint, folder))
        load_strictly(self.model, deployed_weights(model_cfg, state_dict_of(loaded)), checkpoint)
        return dataset_meta_of(loaded)

    @property
    def head(self) -> Any:
        """The head that finds the joints."""
        return pose_head(self.model.head)

    def __deepcopy__(self, memo: dict) -> 'Teacher':
        return self

    def to(self, device: torch.device) -> 'Teacher':
        """Move it to a device."""
        if device != self.device:
            self.model.to(device)
            self.device = device
        return self

    def match_keypoints(self, student: Optional[List[str]], num_student: Optional[int],
                        mirror: Optional[Sequence[int]] = None) -> None:
        """Map the student's keypoints to the teacher's by name.

        Args:
            student (list[str], optional): Names of the student's keypoints.
            num_student (int, optional): Number of keypoints of the student's head.
            mirror (Sequence[int], optional): For each of the student's keypoints its mirror image, to tell apart
                different keypoints of the same names, such as the 'kpt-36' of 300W and of WFLW.

        Raises:
            ConfigError: A keypoint of the student's is missing in the teacher or is another one there, or the names
                are unknown and the numbers differ.
        """
        number = num_keypoints(self.head)
        if self.names and number is not None and len(self.names) != number:
            raise ConfigError(f'the teacher\'s metainfo names {len(self.names)} keypoints, but its head predicts '
                              f'{number}; give the right names by teacher.metainfo.')
        if student and self.names:
            indices = map_keypoints(student, self.names)
            check_same_keypoints(student, mirror, self.names, (self.metainfo or {}).get('flip_indices'), indices)
            self.indices = None if indices == list(range(len(self.names))) else indices
        elif None not in (number, num_student) and number != num_student:
            unknown = 'student' if self.names else 'teacher'
            raise ConfigError(f'the teacher predicts {number} keypoints and the student {num_student}, and the names '
                              f'of the {unknown}\'s keypoints are unknown. Give teacher.metainfo for the teacher, '
                              'model.metainfo for the student, such as '
                              'dict(from_file="configs/_base_/datasets/coco.py").')
        else:
            whose = 'model' if self.names else 'teacher'
            print_log('the names of the keypoints of teacher or student are unknown: they are taken to be the same, in '
                      f'the same order. Give {whose}.metainfo to have them compared.', 'current', logging.WARNING)

    def match_codec(self, head: Any) -> None:
        """Take note of where the cells of a student's head lie: ``UDPHeatmap`` puts the last one on the last pixel."""
        self.student_udp = is_udp(getattr(pose_head(head), 'decoder', None))

    @torch.no_grad()
    def answer(self, inputs: Tensor, preprocessor: nn.Module, data_samples: Sequence = ()) -> Record:
        """One forward pass, as a record in the teacher's own keypoints, bins and cells.

        Args:
            inputs (Tensor): The student's input images (N, 3, H, W).
            preprocessor (PoseDataPreprocessor): The student's preprocessor.
            data_samples (Sequence[PoseDataSample]): The batch's annotations.

        Returns:
            Record: Features, outputs and taps in float32.
        """
        images = self._images(inputs, preprocessor)
        self.to(inputs.device)
        with torch.autocast(inputs.device.type, enabled=False), self.recorder.record() as record:
            self.head.forward(self._features(images, self.extract_feat))
        record.taps = {path: to_float32(value) for path, value in record.taps.items()}
        return record

    @torch.no_grad()
    def translate(self, record: Record, inputs: Tensor, student_outputs: Any) -> Record:
        """An answer in the student's terms.

        Args:
            record (Record): What :meth:`answer` returned; its outputs are replaced. Its taps stay as they are.
            inputs (Tensor): The student's input images (N, 3, H, W).
            student_outputs (Any): What the student's head returned, whose shapes the teacher's outputs take.

        Returns:
            Record: The same record, with the student's keypoints, and with its bins or cells where its head is of the
            same kind; ``cells`` says where these lie. Without outputs where it has other keypoints.
        """
        if not self.same_keypoints:
            record.outputs = None
            return record
        resize = self._resize(inputs)
        same_kind = (is_simdr(record.outputs) and is_simdr(student_outputs)) or None not in (
            heatmaps_among(record.outputs), heatmaps_among(student_outputs))
        translation = Translation(resize, self.indices, len(self.names or ()), maps_per_keypoint(self.head), self.udp,
                                  self.student_udp, has_distributions(self.head))
        record.outputs = translation.outputs(record.outputs, student_outputs)
        record.cells = None if same_kind else Cells(resize, self.udp, beta_of(self.head))
        return record

    def features_alone(self) -> None:
        """Take note that its keypoints are others than the student's: only features can be compared, and no metric."""
        self.same_keypoints = self.report_metric = False

    def fingerprint(self) -> Dict[str, Any]:
        """What its answers depend on: the model's config, weights and precision."""
        cfg = {key: value for key, value in with_names(self.cfg).items() if key != 'train_cfg'}
        config = zlib.crc32(json.dumps(cfg, sort_keys=True, default=str).encode())
        return dict(config=f'{config:08x}', weights=f'{self.checksum:08x}', precision=str(self.dtype),
                    input_size=self.input_size)

    @torch.no_grad()
    def predict(self, inputs: Tensor, data_samples: list, preprocessor: nn.Module, flip_test: bool = False) -> list:
        """Keypoints decoded by the teacher's own head, in the student's order and as the student's codec decodes them.

        Args:
            inputs (Tensor): The student's input images (N, 3, H, W).
            data_samples (list[PoseDataSample]): The batch's annotations.
            preprocessor (PoseDataPreprocessor): The student's preprocessor.
            flip_test (bool): Whether to average with the flipped image. Default: False.

        Returns:
            list[InstanceData]: ``keypoints`` (1, K, 2) and ``keypoint_scores`` (1, K) for each image.
        """
        resize, images = self._resize(inputs), self._images(inputs, preprocessor)
        samples = [sample.new() for sample in data_samples]
        for sample in samples:  # what a head reads of its own data
            sample.set_metainfo(dict(input_size=resize.teacher))
            if self.metainfo and 'flip_indices' in self.metainfo:
                sample.set_metainfo(dict(flip_indices=self.metainfo['flip_indices']))
        test_cfg = dict(self.model.test_cfg, flip_test=flip_test, output_heatmaps=False)
        self.to(inputs.device)
        with torch.autocast(inputs.device.type, enabled=False):
            feats = [self._features(images), self._features(images.flip(-1))] if flip_test else self._features(images)
            preds = self.head.predict(feats, samples, test_cfg=test_cfg)
        preds = preds[0] if isinstance(preds, tuple) else preds  # and heatmaps, of some heads
        scales = zip(decoded_scale(resize.teacher, self.udp), decoded_scale(resize.student, self.student_udp))
        for axis, (own, students) in enumerate(scales):
            for pred in preds:
                pred.keypoints[..., axis] = resize.to_student(pred.keypoints[..., axis] / own, axis) * students
        for pred in preds:
            if self.indices is not None:
                for key, value in pred.all_items():
                    if key.startswith('keypoint'):
                        pred.set_field(value[:, self.indices], key)
        return preds

    def _metainfo_of(self, cfg: Config) -> Optional[dict]:
        """Of the sets in a config the one whose keypoints the head predicts; a set to test on may have fewer."""
        found = [meta for meta in map(parse_metainfo, dataset_metas(cfg)) if meta]
        number = num_keypoints(self.head)
        return next((meta for meta in found if meta['num_keypoints'] == number), found[0] if found else None)

    def _images(self, inputs: Tensor, preprocessor: nn.Module) -> Tensor:
        if self.same_images is None:  # once: to compare numbers is to wait for the device
            self.same_images = same_images(preprocessor, self.model.data_preprocessor)
            self._tell_if_emulated(inputs.device)
        if not self.same_images:
            inputs = renormalise(inputs, preprocessor, self.model.data_preprocessor)
        return self._resize(inputs).images(inputs, self.model.data_preprocessor)

    def _features(self, images: Tensor, extract_feat: Optional[Callable] = None) -> Any:
        if any(module.training for module in self.modules):  # whoever called train() on a part, its statistics stay
            self.model.eval()
        extract_feat = extract_feat or self.model.extract_feat
        try:
            feats = extract_feat(images.to(dtype=self.dtype, memory_format=self.memory_format))
        except RuntimeError as error:
            if self.dtype == torch.float32 or 'dtype' not in str(error):
                raise
            raise ConfigError(f'model.teacher: {type(self.model.backbone).__name__} cannot compute in {self.dtype} '
                              f'alone ({first_line(error)}). Set precision="fp32".') from error
        return to_float32(feats)

    def _tell_if_emulated(self, device: torch.device) -> None:
        if device.type == 'cpu' and emulates(self.dtype):
            print_log(f'the teacher computes in {self.dtype}, for which this processor has no instructions: float32 is '
                      'several times faster. Set teacher.precision="fp32".', 'current', logging.WARNING)

    def _resize(self, inputs: Tensor) -> Resize:
        size = (inputs.shape[3], inputs.shape[2])
        return Resize(size, self.input_size or size)


def _build_model(cfg: dict) -> TopdownPoseEstimator:
    kind = class_of(MODELS, cfg)
    if isinstance(kind, type) and not issubclass(kind, TopdownPoseEstimator):
        raise ConfigError(f'config: its model is a {kind.__name__}; expected the config of a top-down pose '
                          'estimator, which sees one person at a time, as the student does.')
    return MODELS.build(cfg)


def _checked_size(given: Optional[Sequence[int]], codec: Any) -> Optional[Tuple[int, int]]:
    """Width and height of a teacher's images: what is given, or what its codec says."""
    own = input_size_of(codec)
    if given is None and own is None:
        print_log('the teacher\'s codec does not say the size of its images, so it sees them as the student does; give '
                  'teacher.input_size=(width, height) if it was trained on another', 'current', logging.WARNING)
    if given is not None and own is not None and not hasattr(codec, 'heatmap_size') and tuple(given) != own:
        raise ConfigError(f'input_size={tuple(given)} given, but the coordinates of its {type(codec).__name__} are for '
                          f'images of {own}. Drop input_size.')
    return own if given is None else (given[0], given[1])


def _checksum(model: nn.Module) -> int:
    """A number that changes with any weight."""
    crc = 0
    for value in model.state_dict().values():
        crc = zlib.crc32(value.detach().contiguous().flatten().view(torch.uint8).numpy(), crc)
    return crc
