"""Repairs for upstream breakage, applied only where something is broken."""
import torch


def apply() -> None:
    """Apply every repair that this environment needs."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for op in ('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
                   'qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'):
            torch.library.define('torchvision::' + op.split('(')[0], '(' + op.split('(', 1)[1])
        import torchvision  # noqa: F401
    try:
        import mmcv._ext  # noqa: F401
    except ModuleNotFoundError:
        from mmcv.utils import ext_loader
        import types
        ext_loader.load_ext = lambda name, funcs: types.SimpleNamespace(**{f: None for f in funcs})
