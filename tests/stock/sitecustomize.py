"""With this folder on PYTHONPATH, stock MMPose can be imported without mmpose_kd where it otherwise cannot be.

It does what `mmpose_kd.compat` does for imports, in another way, and nothing where MMPose works: mmcv's compiled
operators exist and raise when called, and torchvision's are declared. STOCK_ONLY=1 lets nobody import mmpose_kd.
"""
import importlib.machinery
import importlib.util
import os
import sys
import types


class Operators(types.ModuleType):

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)

        def call(*args, **kwargs):
            raise NotImplementedError(name)

        return call


if importlib.util.find_spec('mmcv') and importlib.util.find_spec('mmcv._ext') is None:
    sys.modules['mmcv._ext'] = Operators('mmcv._ext')
    sys.modules['mmcv._ext'].__spec__ = importlib.machinery.ModuleSpec('mmcv._ext', None)
if importlib.util.find_spec('torchvision'):
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        import torch

        library = torch.library.Library('torchvision', 'FRAGMENT')
        for operator in ('nms', 'qnms'):
            library.define(f'{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
if os.environ.get('STOCK_ONLY') == '1':
    sys.modules['mmpose_kd'] = None
