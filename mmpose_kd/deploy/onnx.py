"""A pose estimator as an ONNX graph."""
import importlib
import inspect
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence, Tuple, Union, cast

import numpy as np
import torch
import torch.nn.functional as F
from mmpose.codecs import SimCCLabel
from mmpose.models.pose_estimators import TopdownPoseEstimator
from torch import Tensor, nn

from mmpose_kd.errors import ConfigError, one_line
from mmpose_kd.models.heads import IGPGCNHead
from mmpose_kd.progress import busy, track

from .decode import decoder_of

# Opset 16 is the first with grid_sample, 17 the newest that PyTorch 2.1 writes by tracing.
OPSET = 17
KINDS = ('keypoints', 'raw')
_INT8_OPS = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul']


class DeployedPose(nn.Module):
    """A top-down estimator from preprocessed images to what a user of it needs; the graph that is exported.

    Args:
        model (TopdownPoseEstimator): The student, whose ``data_preprocessor`` and flip test stay outside.
        kind (str): 'keypoints', decoded in input pixels, with their scores, or 'raw', what the head returns.
            Default: 'keypoints'.

    Raises:
        ConfigError: The head's decoding cannot be a part of a graph.
    """

    def __init__(self, model: TopdownPoseEstimator, kind: str = 'keypoints'):
        super().__init__()
        self.model: TopdownPoseEstimator = model
        codec = model.head.decoder
        self.refines = isinstance(model.head, IGPGCNHead)  # it returns poses, and its base has the scores
        self.pair = isinstance(codec, SimCCLabel)
        if kind == 'raw' and self.refines:
            raise ConfigError(f'{type(model.head).__name__} refines keypoints inside the graph, so there are no raw '
                              'outputs to export. Use --onnx keypoints.')
        self.decode = decoder_of(codec) if kind == 'keypoints' else None
        raw = ('simcc_x', 'simcc_y') if self.pair else ('outputs', )
        self.output_names = ('keypoints', 'scores') if self.decode else raw
        self.eval()

    def forward(self, images: Tensor) -> Union[Tensor, Tuple[Tensor, ...]]:
        """Images (N, 3, H, W) to keypoints (N, K, 2) and scores (N, K), or to the head's outputs."""
        head, feats = self.model.head, self.model.extract_feat(images)
        outputs = head.base(feats) if self.refines else head(feats)
        if not self.decode:
            return self._last_stage(outputs)
        keypoints, scores = self.decode(self._last_stage(outputs))
        keypoints = head.decoded(head(feats, outputs)[-1]) if self.refines else keypoints
        chosen = (self.model.test_cfg or {}).get('output_keypoint_indices')
        return (keypoints, scores) if chosen is None else (keypoints[:, chosen], scores[:, chosen])

    def _last_stage(self, outputs: Any) -> Any:
        """Logits of both axes as a tuple; heatmaps as one tensor, of the last stage where there are several."""
        if self.pair:
            return tuple(outputs)
        return outputs if isinstance(outputs, Tensor) else outputs[-1]


def onnx_package(name: str) -> Any:
    """Import ``onnx`` or ``onnxruntime``.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f'writing and checking ONNX files needs "{name.split(".")[0]}" ({error}): pip install '
                          '\'mmpose_kd[export]\'. Without it use --onnx none.') from None


@torch.no_grad()
def write_onnx(model: TopdownPoseEstimator, size: Tuple[int, int], path: Path,
               kind: str = 'keypoints') -> Tuple[str, ...]:
    """Write a top-down estimator as an ONNX file whose batch is dynamic and whose other sizes are fixed.

    Args:
        model (TopdownPoseEstimator): The student.
        size (tuple[int, int]): Width and height of its images in pixels.
        path (Path): The file.
        kind (str): See :class:`DeployedPose`. Default: 'keypoints'.

    Returns:
        tuple[str]: Names of the outputs; the input is named ``images``.

    Raises:
        ConfigError: A part of the model or its decoding cannot be exported, or ``onnx`` is not installed.
    """
    onnx_package('onnx')
    graph = DeployedPose(model, kind)
    images = torch.zeros(2, 3, size[1], size[0])
    names = ('images', *graph.output_names)
    # The tracing exporter, which PyTorch 2.1 and 2.13 both have; later ones choose another by default.
    options: Dict[str, Any] = dict(dynamo=False) if 'dynamo' in inspect.signature(torch.onnx.export).parameters else {}
    try:
        with warnings.catch_warnings(), _exportable_pooling(), busy(f'writing {path.name}'):
            warnings.simplefilter('ignore')
            torch.onnx.export(
                graph, (images, ), str(path), opset_version=OPSET, input_names=['images'],
                output_names=list(graph.output_names), dynamic_axes={name: {0: 'batch'} for name in names}, **options)
    except ConfigError:
        raise
    except Exception as error:  # of whatever kind the operator's translation raises
        raise ConfigError(f'{type(model.backbone).__name__} with {type(model.head).__name__} cannot be exported to '
                          f'ONNX: {one_line(error)}. Replace that operator in the model, or use --onnx none.'
                          ) from error
    _fix_sizes(path, graph(images))
    return graph.output_names


def _fix_sizes(path: Path, outputs: Union[Tensor, Tuple[Tensor, ...]]) -> None:
    """Write the sizes of the outputs but the batch into the file; the exporter omits those that it cannot infer."""
    onnx = onnx_package('onnx')
    written = onnx.load(str(path))
    for value, output in zip(written.graph.output, (outputs, ) if isinstance(outputs, Tensor) else outputs):
        for dim, size in zip(value.type.tensor_type.shape.dim[1:], output.shape[1:]):
            dim.dim_value = size
    onnx.save(written, str(path))


def run_onnx(path: Path, batches: Sequence[np.ndarray]) -> Iterator[Dict[str, np.ndarray]]:
    """The outputs by name of an ONNX file on the CPU, batch by batch.

    Args:
        path (Path): The file.
        batches (Sequence[np.ndarray]): Preprocessed images (N, 3, H, W), float32.

    Yields:
        dict[str, np.ndarray]: Outputs of a batch.

    Raises:
        ConfigError: ONNX Runtime cannot run the file, or is not installed.
    """
    runtime = onnx_package('onnxruntime')
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = runtime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        names = [output.name for output in session.get_outputs()]
        for images in track(batches, path.name):
            yield dict(zip(names, session.run(None, {'images': images})))
    except Exception as error:  # ONNX Runtime has a class of its own for each code
        raise ConfigError(f'ONNX Runtime cannot run the exported graph: {one_line(error)}. An operator of the model '
                          'may not exist there, or depend on the number of images. Use --onnx none.') from error


def write_int8(source: Path, path: Path, images: Sequence[np.ndarray]) -> None:
    """Quantise convolutions and linear layers of an ONNX file to int8.

    Weights are quantised by channel and to 7 bits, as products of 8 bits overflow on x86 processors without VNNI
    instructions; activations by the range that they have on the given images. Decoding stays in float: what finds a
    keypoint between the cells would lose a tenth of a pixel.

    Args:
        source (Path): The float ONNX file.
        path (Path): The file to write.
        images (Sequence[np.ndarray]): Preprocessed images (N, 3, H, W) to calibrate on.

    Raises:
        ConfigError: ``onnxruntime`` is not installed.
    """
    quantization = onnx_package('onnxruntime.quantization')
    shapes = onnx_package('onnxruntime.quantization.shape_inference')
    batches = iter(track(images, 'calibrating int8'))
    after = ExitStack()

    base: Any = quantization.CalibrationDataReader

    class Reader(base):

        def get_next(self) -> Any:
            batch = next(batches, None)
            if batch is None:
                after.enter_context(busy(f'writing {path.name}'))
                return None
            return dict(images=batch)

    prepared = path.with_suffix('.prepared.onnx')
    with busy('preparing int8'):
        shapes.quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    nodes = onnx_package('onnx').load(str(prepared)).graph.node
    decoding = [node.name for node in nodes if node.name.count('/') == 1]  # what is in no module: /Conv
    with after:
        quantization.quantize_static(
            str(prepared), str(path), Reader(), per_channel=True, op_types_to_quantize=_INT8_OPS,
            nodes_to_exclude=decoding, reduce_range=True, activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8)
    prepared.unlink()


@contextmanager
def _exportable_pooling() -> Iterator[None]:
    """Write adaptive pooling, which the exporter has for some sizes only, as pooling with a fixed window."""
    pool = F.adaptive_avg_pool2d

    def fixed_pool(x: Tensor, output_size: Any) -> Tensor:
        """To a size that is a constant of the graph, since the input's is."""
        sizes = output_size if isinstance(output_size, (tuple, list, torch.Size)) else (output_size, ) * 2
        have = [int(size) for size in x.shape[-2:]]
        want = [n if size is None else int(size) for size, n in zip(sizes, have)]
        if any(n % size for n, size in zip(have, want)):
            return pool(x, (want[0], want[1]))
        return F.avg_pool2d(x, [n // size for n, size in zip(have, want)])

    module = cast(Any, F)  # what is replaced is no variable to a type checker
    module.adaptive_avg_pool2d = fixed_pool
    try:
        yield
    finally:
        module.adaptive_avg_pool2d = pool
