"""The one extension of MMEngine's Runner: a model may name the hooks that it needs.

Upstream problem: a model cannot reach the runner that trains it, so what it wants saved beside its ``state_dict`` needs
a hook in every config; ``custom_hooks`` is a list, which a config that inherits another silently replaces. A distilled
run would then lose its connector weights without a word. So ``Runner.register_hooks`` also registers the hooks in the
model's ``required_hooks``. Models without that attribute, all stock ones, are not affected.
"""
import functools
import os.path as osp

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn


def unwrapped_model(runner: Runner) -> nn.Module:
    """The runner's model without the wrapper of distributed training."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def register_required_hooks() -> None:
    """Extend ``Runner.register_hooks``; a second call changes nothing."""
    stock = Runner.register_hooks
    if hasattr(stock, '__wrapped__'):
        return

    @functools.wraps(stock)
    def register_hooks(self: Runner, *args, **kwargs) -> None:
        stock(self, *args, **kwargs)
        model = unwrapped_model(self)
        present = {type(hook).__name__ for hook in self.hooks}
        for name in getattr(model, 'required_hooks', ()):
            if name not in present:
                self.register_hook(dict(type=name))
        if hasattr(model, 'locate_teachers') and self.cfg.filename:
            model.locate_teachers(osp.dirname(osp.abspath(self.cfg.filename)), self.cfg.model)

    Runner.register_hooks = register_hooks
