"""A folder that runs: plain config, weights, ONNX graphs, what they need to be used, and the checks of all of it."""
import json
import shutil
from pathlib import Path
from typing import Callable, Dict, NamedTuple, Optional, Sequence, Tuple

from mmengine.config import Config
from mmpose.codecs import IntegralRegressionLabel, RegressionLabel
from mmpose.models.heads.base_head import BaseHead
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_kd.checkpoint import load_checkpoint, load_strictly
from mmpose_kd.config import read_config
from mmpose_kd.datasets.samples import image_samples, validation_samples
from mmpose_kd.errors import ConfigError, make_folder
from mmpose_kd.files import whole
from mmpose_kd.models.outputs import input_size_of

from . import check
from .describe import describe, readme
from .onnx import KINDS, onnx_package, run_onnx, write_int8, write_onnx
from .student import take_student, write_student

SCORE_TOLERANCE = 0.01  # of the largest score
CHECK_BATCH = 8
SCRIPT = Path(__file__).with_name('onnx_pose.py')


class Limits(NamedTuple):
    """What the checks allow.

    Args:
        pixels (float): Largest difference of a keypoint between PyTorch and ONNX Runtime, in input pixels; see
            :func:`mmpose_kd.deploy.check.difference`. Default: 0.5.
        drop (float): Largest loss of PCK@0.2, as a share of the joints, by float16, ONNX or int8. Default: 0.02.
    """
    pixels: float = 0.5
    drop: float = 0.02


LIMITS = Limits()


def export_folder(config: str,
                  checkpoint: str,
                  out: str,
                  onnx: str = 'keypoints',
                  fp16: bool = False,
                  int8_images: Optional[str] = None,
                  images: Optional[str] = None,
                  num_images: int = 32,
                  limits: Limits = LIMITS,
                  cfg_options: Optional[dict] = None,
                  report: Callable[[str], None] = print) -> dict:
    """Make a deployable folder of a distilled run, and check it.

    Everything is written to a folder beside ``out``, which gets its name when all checks have passed. These are: the
    plain student computes what the trained one does, bit for bit; its config and checkpoint, read back, load strictly;
    ONNX Runtime finds the same keypoints as PyTorch on real images; neither rounding nor quantising loses accuracy.

    Args:
        config (str): Config file of the run.
        checkpoint (str): A checkpoint that it wrote.
        out (str): The folder to make.
        onnx (str): 'keypoints', a graph with the decoding inside, 'raw', one that ends with the head's outputs, or
            'none'. Default: 'keypoints'.
        fp16 (bool): Store the weights in half precision; they are computed with in single precision, here too.
            Default: False.
        int8_images (str, optional): Folder of images, each of one person, to calibrate ``model_int8.onnx`` on.
        images (str, optional): Such a folder for the checks. Default: validation data of the config.
        num_images (int): Images for each of these purposes. Default: 32.
        limits (Limits): What the checks allow.
        cfg_options (dict, optional): Changes to the config, such as the place of its data.
        report (Callable): Takes each line of what is found. Default: print.

    Returns:
        dict: What ``deploy.json`` holds.

    Raises:
        ConfigError: The folder exists, an input is wrong, a part cannot be exported, or a check fails. Nothing is left
            behind then.

    Example::

        export_folder('cdkd_resnet18_resnet50_coco-256x192.py', 'epoch_210.pth', 'deployed', fp16=True)
    """
    target = Path(out).absolute()
    _check_request(target, onnx, int8_images, num_images)
    cfg = read_config(config, cfg_options)
    plain, trained, weights = take_student(cfg, checkpoint)
    if onnx != 'none':
        _check_head(trained.head)
    samples = image_samples(cfg, images, num_images) if images else validation_samples(cfg, num_images)
    make_folder(target.parent)
    try:
        with whole(target) as folder:
            folder.mkdir()
            write_student(plain, _halved(weights) if fp16 else weights, folder / 'config.py', folder / 'checkpoint.pth')
            student = _read_back(folder)
            inputs = check.preprocessed(student, samples)
            expected = check.predict(student, inputs, 'exported student')
            trained_one = check.predict(trained, check.preprocessed(trained, samples), 'trained student')
            _check_same(expected, trained_one, fp16, report)
            results, spec = [('trained', trained_one), ('exported', expected)], describe(plain, student)
            if onnx != 'none':
                size = (spec['input_size'][0], spec['input_size'][1])
                spec['outputs'] = list(write_onnx(student, size, folder / 'model.onnx', onnx))
                found = _run(student, folder / 'model.onnx', inputs, onnx)
                results.append(('onnx', found))
                spec['largest_difference'] = _agreement(found, expected, len(samples), limits, report)
            if int8_images:
                calibration = check.preprocessed(student, image_samples(cfg, int8_images, num_images))
                batches = [image[None] for image in calibration.numpy()]
                write_int8(folder / 'model.onnx', folder / 'model_int8.onnx', batches)
                results.append(('int8', _run(student, folder / 'model_int8.onnx', inputs, onnx)))
            spec['pck'] = _accuracy(student, results, samples, limits, report)
            spec['checked_on'] = len(samples)
            (folder / 'deploy.json').write_text(json.dumps(spec, indent=2) + '\n', encoding='utf-8')
            (folder / 'README.md').write_text(readme(spec, plain), encoding='utf-8')
            if onnx == 'keypoints':
                shutil.copyfile(SCRIPT, folder / 'onnx_pose.py')
    except OSError as error:
        raise ConfigError(f'"{target}" cannot be made: {error}. Give another folder with --out.') from error
    return spec


def _check_request(target: Path, onnx: str, int8_images: Optional[str], num_images: int) -> None:
    if target.exists():
        raise ConfigError(f'"{target}" exists already: give another folder with --out, or delete it.')
    if onnx not in (*KINDS, 'none'):
        raise ConfigError(f'--onnx {onnx}: expected one of {", ".join((*KINDS, "none"))}.')
    if int8_images and onnx == 'none':
        raise ConfigError('--int8 quantises the ONNX graph, and --onnx none asks for none. Drop one of them.')
    if num_images < 1:
        raise ConfigError(f'--num-images {num_images}: expected at least 1.')
    for package in () if onnx == 'none' else ('onnx', 'onnxruntime'):
        onnx_package(package)


def _check_head(head: BaseHead) -> None:
    """Refuse a head whose decoding cannot be a part of a graph."""
    codec = getattr(head, 'decoder', None)
    if isinstance(codec, (RegressionLabel, IntegralRegressionLabel)) or input_size_of(codec) is None:
        raise ConfigError(f'{type(head).__name__}, {type(codec).__name__}: only a head with heatmaps or SimDR '
                          'logits and nothing else is exported to ONNX. Export the plain student alone: --onnx none.')


def _check_same(exported: check.Prediction, trained: check.Prediction, fp16: bool,
                report: Callable[[str], None]) -> None:
    moved = check.difference(exported, trained).keypoints
    report(f'plain student:   loads strictly, largest keypoint difference from the trained one {moved:.2g} input '
           'pixels')
    if moved and not fp16:
        raise ConfigError(f'the exported student differs from the trained one by {moved:.3g} input pixels in a '
                          'keypoint. Nothing is exported.')


def _halved(weights: Dict[str, Tensor]) -> Dict[str, Tensor]:
    halved = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    for name, value in halved.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise ConfigError(f'"{name}" holds values beyond 65504, which float16 cannot store. Export without --fp16.')
    return halved


def _read_back(folder: Path) -> TopdownPoseEstimator:
    """The student that a user of the folder gets, loaded strictly."""
    student = MODELS.build(Config.fromfile(str(folder / 'config.py')).model)
    state = load_checkpoint(str(folder / 'checkpoint.pth'))['state_dict']
    load_strictly(student, state, str(folder / 'checkpoint.pth'))
    return student.eval()


def _run(student: TopdownPoseEstimator, path: Path, images: Tensor, kind: str) -> check.Prediction:
    """Predictions of an ONNX file for one image, and for the others in larger batches."""
    batches = [batch.numpy() for batch in (images[:1], *images[1:].split(CHECK_BATCH)) if len(batch)]
    return check.joined([
        check.decode_raw(student, outputs) if kind == 'raw' else check.Prediction(
            outputs['keypoints'], outputs['scores']) for outputs in run_onnx(path, batches)])


def _agreement(found: check.Prediction, expected: check.Prediction, count: int, limits: Limits,
               report: Callable[[str], None]) -> Dict[str, float]:
    pixels, scores = check.difference(found, expected)
    report(f'ONNX Runtime:    largest keypoint difference from PyTorch {pixels:.2g} input pixels on {count} images '
           f'(at most {limits.pixels:g}), of the scores {scores:.2g} of the largest')
    if not (pixels <= limits.pixels and scores <= SCORE_TOLERANCE):
        raise ConfigError(f'ONNX Runtime and PyTorch differ by {pixels:.3g} input pixels in a keypoint (at most '
                          f'{limits.pixels:g}) and by {scores:.3g} of the largest score (at most {SCORE_TOLERANCE}). '
                          'Nothing is exported. Where joints have two peaks alike, as in a hardly trained model, raise '
                          '--tolerance; where the backbone computes with the size of the batch, as Swin does, there is '
                          'no graph for every batch: use --onnx none.')
    return dict(keypoints=float(pixels), scores=float(scores))


def _accuracy(student: TopdownPoseEstimator, results: Sequence[Tuple[str, check.Prediction]], samples: Sequence[dict],
              limits: Limits, report: Callable[[str], None]) -> Dict[str, Optional[float]]:
    found = {name: check.pck(prediction, samples, student) for name, prediction in results}
    values = {name: value for name, value in found.items() if value is not None}
    if len(values) < len(found):
        report('accuracy:        not compared, the images have no labels')
        return {name: None for name in found}
    report('PCK@0.2:         ' + ', '.join(f'{name} {value:.4f}' for name, value in values.items()))
    for name, value in values.items():
        if value < values['trained'] - limits.drop:
            remedy = dict(int8='Calibrate on more images, like those of the task', onnx='Set --onnx none').get(
                name, 'Export without --fp16')  # which alone changes the student
            raise ConfigError(f'PCK@0.2 falls from {values["trained"]:.4f}, as trained, to {value:.4f} ({name}) on '
                              f'{len(samples)} images, by more than {limits.drop:g}. Nothing is exported. {remedy}, or '
                              'raise --max-drop.')
    return found
