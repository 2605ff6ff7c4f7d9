"""Repairs for upstream breakage, each applied only where something is broken.

In an environment that works they change nothing. ``MMPOSE_KD_COMPAT=off`` in
the environment switches all of them off.
"""
import functools
import importlib.util
import inspect
import logging
import os
import re
import sys
import types
import warnings
from pathlib import PurePosixPath
from typing import Any, Callable, Dict, List

import torch
from mmengine.logging import print_log
from mmengine.utils import digit_version

from .machine import emulates

_KEPT: List[Any] = []  # what a torch.library.Library defines lives as long as it does


def is_ours(function: Callable) -> bool:
    """Whether a function, or what it wraps, stands in for a stock function by :func:`extend`."""
    return getattr(function, '_mmpose_kd', False)


def extend(owner: Any, name: str) -> Callable[[Callable], Callable]:
    """Put a function in the place of a stock method, class method or function, once.

    Args:
        owner (type | ModuleType): The class or module.
        name (str): The stock one, which the function gets as its first argument, before those of the call.

    Returns:
        Callable: Decorator of the function.
    """
    held = inspect.getattr_static(owner, name)
    stock = held.__func__ if isinstance(held, classmethod) else held

    def put(function: Callable) -> Callable:

        @functools.wraps(stock)
        def extended(*args: Any, **kwargs: Any) -> Any:
            return function(stock, *args, **kwargs)

        extended.__dict__['_mmpose_kd'] = True  # what wraps it has that, too
        if not is_ours(stock):
            setattr(owner, name, classmethod(extended) if isinstance(held, classmethod) else extended)
        return function

    return put


def apply() -> List[str]:
    """Apply every repair that this environment needs.

    Returns:
        list[str]: Names of the repairs that were applied.
    """
    if os.environ.get('MMPOSE_KD_COMPAT', '').lower() == 'off':
        return []
    repairs = (define_torchvision_operators, defer_mmcv_operators, allow_mmengine_checkpoints, distribute_without_gpu,
               name_for_mlflow, convert_bfloat16, autocast_without_gpu, checkpoint_with_gradients)
    return [repair.__name__ for repair in repairs if repair()]


def define_torchvision_operators() -> bool:
    """Let a CUDA build of torchvision be imported beside a CPU build of PyTorch.

    Symptom: ``import torchvision`` raises ``operator torchvision::nms does not
    exist``, and with it ``import mmpose.visualization``.

    Cause: the compiled library of torchvision needs CUDA's and is not loaded,
    but the import goes on to register Python kernels for its operators.

    Thread: https://github.com/pytorch/pytorch/issues/122494

    Repair: declare these operators and import again. What is written in Python,
    such as the transforms, works then; the operators raise when called.

    Returns:
        bool: Whether the repair was needed.
    """
    try:
        import torchvision
    except ImportError:
        return False
    except RuntimeError as error:
        if 'torchvision::nms does not exist' not in str(error):
            return False
        library = torch.library.Library('torchvision', 'FRAGMENT')
        _KEPT.append(library)
        for name in ('nms', 'qnms'):
            library.define(f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
        import torchvision  # noqa: F401
        return True
    return False


def defer_mmcv_operators() -> bool:
    """Let MMPose be imported beside mmcv-lite.

    Symptom: ``import mmpose.models`` raises ``No module named 'mmcv._ext'``.

    Cause: two files of MMPose's EDPose import ``mmcv.ops``, whose operators are
    compiled and missing in mmcv-lite.

    Thread: https://github.com/open-mmlab/mmpose/issues/3250,
    https://github.com/open-mmlab/mmcv/issues/3181

    Repair: operators that raise an error when they are called, not when they
    are imported. A full mmcv whose library cannot be loaded is left alone.

    Returns:
        bool: Whether the repair was needed.
    """
    if importlib.util.find_spec('mmcv') is None or importlib.util.find_spec('mmcv._ext') is not None:
        return False
    from mmcv.utils import ext_loader
    ext_loader.load_ext = _load_missing
    return True


def allow_mmengine_checkpoints() -> bool:
    """Let MMEngine load its own checkpoints with PyTorch >= 2.6.

    Symptom: testing, ``load_from`` and resuming raise ``Weights only load
    failed ... Unsupported global: GLOBAL ...HistoryBuffer``.

    Cause: ``torch.load`` defaults to ``weights_only=True`` since PyTorch 2.6,
    and a checkpoint of MMEngine's holds log buffers and NumPy values.

    Thread: https://github.com/open-mmlab/mmengine/issues/1655,
    https://github.com/open-mmlab/mmengine/pull/1650 (which switches the safe
    loading off)

    Repair: allow these few classes. Safe loading stays on.

    Returns:
        bool: Whether the repair was needed.
    """
    if digit_version(torch.__version__) < digit_version('2.6'):
        return False
    from .checkpoint import safe_globals
    torch.serialization.add_safe_globals(safe_globals())
    return True


def distribute_without_gpu() -> bool:
    """Let ``--launcher pytorch`` train on machines without an accelerator.

    Symptom: with ``dist_cfg=dict(backend='gloo')``, the runner stops with
    ``module 'torch._C' has no attribute '_cuda_setDevice'`` (a CPU build of
    PyTorch) or ``No CUDA GPUs are available`` (a CUDA build).

    Cause: MMEngine selects a CUDA device before it opens the process group, and
    names one to DistributedDataParallel, which refuses it for a model on the CPU.

    Thread: none found.

    Repair: neither is done where there is no accelerator.

    Returns:
        bool: Whether the repair was needed.
    """
    from mmengine.device import get_device
    if get_device() != 'cpu':
        return False
    from mmengine.dist import utils
    from mmengine.model import MMDistributedDataParallel
    if is_ours(MMDistributedDataParallel.__init__):
        return False

    @extend(utils, '_init_dist_pytorch')
    def init(stock: Callable, backend: str, init_backend: str = 'torch', **kwargs: Any) -> None:
        if init_backend == 'torch':
            torch.distributed.init_process_group(backend=backend, **kwargs)
        else:
            stock(backend, init_backend=init_backend, **kwargs)

    @extend(MMDistributedDataParallel, '__init__')
    def wrap(stock: Callable, self: MMDistributedDataParallel, module: torch.nn.Module, device_ids: Any = None,
             **kwargs: Any) -> None:
        stock(self, module, **kwargs)

    return True


def name_for_mlflow() -> bool:
    """Let ``MLflowVisBackend`` log MMPose's metrics, and pictures.

    Symptom: the first validation stops with ``MlflowException: Invalid value
    "coco/AP (M)"``, the first picture with ``unknown file extension``.

    Cause: MLflow takes letters, digits and ``_-. :/`` alone in the name of a
    metric, and a picture's format from its name; MMEngine hands over any name.

    Thread: https://github.com/open-mmlab/mmdetection/issues/10258,
    https://github.com/open-mmlab/mmengine/issues/1681

    Repair: ``_`` for every other character, as in ``coco/AP _M_``, and
    ``NAME_STEP.png`` for a picture whose name has no suffix, as
    ``LocalVisBackend`` calls it. Other names stay.

    Returns:
        bool: Whether the repair was needed: MLflow is installed.
    """
    if importlib.util.find_spec('mlflow') is None:
        return False
    from mmengine.visualization import MLflowVisBackend

    def metric(name: str) -> str:
        return re.sub(r'[^\w.:/ -]', '_', name)

    @extend(MLflowVisBackend, 'add_image')
    def add_image(stock: Callable, self: MLflowVisBackend, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        stock(self, name if PurePosixPath(name).suffix else f'{name}_{step}.png', image, step, **kwargs)

    @extend(MLflowVisBackend, 'add_scalar')
    def add_scalar(stock: Callable, self: MLflowVisBackend, name: str, *args: Any, **kwargs: Any) -> None:
        stock(self, metric(name), *args, **kwargs)

    @extend(MLflowVisBackend, 'add_scalars')
    def add_scalars(stock: Callable, self: MLflowVisBackend, scalar_dict: Dict[str, Any], *args: Any,
                    **kwargs: Any) -> None:
        stock(self, {metric(name): value for name, value in scalar_dict.items()}, *args, **kwargs)

    return True


def convert_bfloat16() -> bool:
    """Let MMPose's heads measure their accuracy under autocast to bfloat16.

    Symptom: with ``AmpOptimWrapper`` and ``dtype='bfloat16'`` the first step of
    a stock model stops with ``Got unsupported ScalarType BFloat16``.

    Cause: its head hands its output to NumPy, which has no such type.

    Thread: none found.

    Repair: MMPose's ``to_numpy`` makes float32 of it first.

    Returns:
        bool: Whether the repair was needed.
    """
    from mmpose.utils import tensor_utils
    to_numpy = tensor_utils.to_numpy
    try:
        to_numpy(torch.zeros(1, dtype=torch.bfloat16))
        return False
    except TypeError:
        pass

    @functools.wraps(to_numpy)
    def convert(x: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(x, torch.Tensor) and x.dtype == torch.bfloat16:
            x = x.float()
        return to_numpy(x, *args, **kwargs)

    for name, module in list(sys.modules.items()):  # every module of MMPose's that has imported it by name
        if name.split('.')[0] == 'mmpose' and vars(module).get('to_numpy') is to_numpy:
            vars(module)['to_numpy'] = convert
    return True


def autocast_without_gpu() -> bool:
    """Let ``AmpOptimWrapper`` train in bfloat16 on machines without an accelerator.

    Symptom: it stops with ``AmpOptimizerWrapper is only available training on
    gpu, npu, mlu or musa``.

    Cause: it asks for an accelerator before it looks at the type, though
    PyTorch's autocast, and MMEngine's around it, do bfloat16 on a CPU as well.

    Thread: https://github.com/open-mmlab/mmpretrain/issues/1556

    Repair: it does not ask where there is none, and does not scale the loss,
    which bfloat16 does not need. Other types, which MMEngine would refuse in the
    first step, are refused at once. A processor that has to emulate bfloat16 is
    told so.

    Returns:
        bool: Whether the repair was needed.
    """
    from mmengine.device import get_device
    if get_device() != 'cpu':
        return False
    from mmengine.optim import AmpOptimWrapper
    from mmengine.optim.optimizer import amp_optimizer_wrapper
    try:
        AmpOptimWrapper(optimizer=torch.optim.SGD([torch.zeros(1)], lr=1.0))
        return False
    except AssertionError:
        pass

    @extend(AmpOptimWrapper, '__init__')
    def init(stock: Callable, self: AmpOptimWrapper, loss_scale: Any = 'dynamic', dtype: Any = None,
             **kwargs: Any) -> None:
        if dtype not in (None, 'bfloat16', torch.bfloat16):
            raise ValueError(f'dtype={dtype!r} given, but a CPU trains in bfloat16. Set dtype="bfloat16", or take '
                             'OptimWrapper for float32.')
        if emulates(torch.bfloat16):
            print_log('AmpOptimWrapper trains in bfloat16, for which this processor has no instructions: float32 is '
                      'several times faster. Take OptimWrapper.', 'current', logging.WARNING)
        stock(self, dict(enabled=False) if loss_scale == 'dynamic' else loss_scale, dtype, **kwargs)

    amp_optimizer_wrapper.is_cuda_available = lambda: True
    return True


def checkpoint_with_gradients() -> bool:
    """Let ``activation_checkpointing`` train what it names, wherever that is in the model.

    Symptom: a backbone that it names as a whole, a head behind a frozen
    backbone, or a block behind a frozen one keeps its initial weights; PyTorch
    warns that none of the inputs have requires_grad=True.

    Cause: MMEngine calls PyTorch's checkpointing in the reentrant form, through
    which a gradient comes only where an input has one. Images have none.

    Thread: none found.

    Repair: the form that is not reentrant, which PyTorch advises, asks for
    none, and computes the same.

    Returns:
        bool: Whether the repair was needed.
    """
    from mmengine.runner import activation_checkpointing
    weight = torch.zeros(1, requires_grad=True)  # a layer would draw from the random numbers of who imports this
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        if activation_checkpointing.wrap_forward(weight.mul)(torch.zeros(1)).requires_grad:
            return False

    @extend(activation_checkpointing, 'checkpoint')
    def checkpoint(stock: Callable, forward: Callable, *args: Any) -> Any:
        return stock(forward, *args, use_reentrant=False)

    return True


def _load_missing(name: str, functions: List[str]) -> types.SimpleNamespace:
    """Stand in for ``mmcv.utils.ext_loader.load_ext``."""
    return types.SimpleNamespace(**{function: _missing(function) for function in functions})


def _missing(function: str) -> Callable:

    def raise_error(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError(f'mmcv\'s compiled operator "{function}" is not installed: this is mmcv-lite. Models that '
                           'need it want the full mmcv, which "mim install mmcv" installs.')

    return raise_error
