"""Look at a model in the middle of its training."""
import random
from contextlib import contextmanager
from typing import Iterator

import numpy as np
import torch
from mmpose.models.pose_estimators.base import BasePoseEstimator


@contextmanager
def undisturbed(model: BasePoseEstimator) -> Iterator[None]:
    """Evaluate a model in the middle of its training: afterwards modes and random states are as they were."""
    modes = [(module, module.training) for module in model.modules()]
    states = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with torch.no_grad(), torch.random.fork_rng(devices):
            model.eval()
            yield
    finally:
        for module, training in modes:
            module.training = training
        random.setstate(states[0])
        np.random.set_state(states[1])
