"""Train for long and watch the process; test_long_runs.py runs

    python long_run.py CONFIG FOLDER STEPS

in a process of its own, since one that has done other work has free memory in which a leak does not show. Prints every
250 steps' resident memory in KB, open files, tensors and hooks on modules as JSON.
"""
import gc
import json
import os
import sys
from pathlib import Path

import mmengine.config.config
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from steps import shrink

PERSONS = 3
PAGE = os.sysconf('SC_PAGE_SIZE') / 1024


def objects():
    """What lives: tensors, and hooks on modules."""
    found = gc.get_objects()
    modules = [x for x in found if issubclass(type(x), torch.nn.Module)]
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks) for m in modules)
    return sum(issubclass(type(x), torch.Tensor) for x in found), hooks


class WatchHook(Hook):
    """Every 250 steps: resident memory in KB, open files, tensors and hooks."""
    priority = 'LOWEST'

    def __init__(self):
        self.seen = {}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.every_n_train_iters(runner, 250):
            gc.collect()
            resident = int(Path('/proc/self/statm').read_text().split()[1]) * PAGE
            self.seen[runner.iter + 1] = (resident, len(os.listdir('/proc/self/fd')), *objects())


def train(path, folder, steps, epochs=6):
    """What the hook saw of a training with validation and checkpoints."""
    HOOKS.register_module(module=WatchHook)
    cfg = Config.fromfile(path)
    shrink(cfg, folder, PERSONS)
    cfg.train_dataloader.dataset.update(num_samples=steps // epochs * PERSONS)
    cfg.train_cfg.update(max_epochs=epochs, val_interval=2)  # for the first time while it warms up
    cfg.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=1)
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='WatchHook')]
    runner = Runner.from_cfg(cfg)
    runner.train()
    return next(hook for hook in runner.hooks if isinstance(hook, WatchHook)).seen


if __name__ == '__main__':
    # the runner formats the config's text four times, which takes longer than the training
    mmengine.config.config.FormatCode = lambda text, **kwargs: (text, True)
    print(json.dumps(train(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
