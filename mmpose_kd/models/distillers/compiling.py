"""A frozen model's forward pass under ``torch.compile``."""
import functools
from typing import Any, Callable

import torch
from torch._dynamo.exc import TorchDynamoException

from mmpose_kd.errors import ConfigError


def compiled(forward: Callable) -> Callable:
    """A forward pass under ``torch.compile``, which compiles it when it is called for the first time.

    Args:
        forward (Callable): Method of a model; the forward hooks that its modules have at the first call are compiled
            too.

    Returns:
        Callable: The same, faster.

    Raises:
        ConfigError: When it is called: it could not be compiled.

    Example:
        >>> extract_feat = compiled(model.extract_feat)
    """
    try:
        fast = torch.compile(forward)
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
