"""A frozen model's forward pass under ``torch.compile``."""
import functools
from types import FunctionType, MethodType
from typing import Any, Callable

import torch

from mmpose_kd.errors import ConfigError


def compiled(forward: MethodType) -> Callable:
    """A forward pass under ``torch.compile``, which compiles it when it is called for the first time.

    PyTorch keeps what it compiled with a function's code, and looks at a model's class but not at its forward hooks to
    find what fits: another teacher's graph would record that teacher's taps. So the method gets a code of its own, and
    has to become one graph.

    Args:
        forward (MethodType): Method of a model; the forward hooks that its modules have at the first call are compiled
            too.

    Returns:
        Callable: The same, faster.

    Raises:
        ConfigError: When it is called: it could not be compiled.

    Example::

        extract_feat = compiled(model.extract_feat)
    """
    from torch._dynamo.exc import TorchDynamoException  # PyTorch's own: who compiles nothing does not depend on it
    function = forward.__func__
    own = FunctionType(function.__code__.replace(), function.__globals__, function.__name__, function.__defaults__,
                       function.__closure__)
    try:
        fast = torch.compile(MethodType(own, forward.__self__), fullgraph=True)
    except RuntimeError as error:  # a Python or a system that this PyTorch cannot compile for
        raise _error(error) from error

    @functools.wraps(forward)
    def call(*args: Any) -> Any:
        try:
            return fast(*args)
        except TorchDynamoException as error:
            raise _error(error) from error

    return call


def _error(error: Exception) -> ConfigError:
    reason = str(error).strip().split('\n')[0].rstrip('.')
    return ConfigError(f'model.teacher: compile=True: PyTorch could not compile the teacher: {reason}. Drop it, or see '
                       'that a C++ compiler is installed (CPU) or Triton (GPU).')
