"""Extensions of MMEngine's Runner: hooks that a model needs, errors that name their place, checkpoints that are whole.

Upstream problem: a model cannot reach the runner that trains it, so what it wants saved beside its ``state_dict`` needs
a hook in every config; ``custom_hooks`` is a list, which a config that inherits another silently replaces. A distilled
run would then lose its connector weights without a word. So ``Runner.register_hooks`` also registers the hooks in the
model's ``required_hooks``; ``FlexibleRunner``, which has no hook that saves beside the ``state_dict``, is refused.
Models without that attribute, all stock ones, get those in ``ALWAYS`` where the config imports this package, and none
elsewhere.

What is wrong in a config shows as an error from deep inside, without the key to change, or not at all. Where
``custom_imports`` names this package, or the model is one of its distillers, ``Runner.from_cfg`` therefore checks the
config first, and what it and the first step raise is explained; other configs are not affected.
"""
import os
import os.path as osp
from functools import partial
from pathlib import Path
from typing import Any, Callable, Optional

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.fileio import FileClient, LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.model import is_model_wrapper
from mmengine.runner import FlexibleRunner, Runner
from mmpose.models.pose_estimators.base import BasePoseEstimator
from mmpose.registry import HOOKS, MODELS
from torch import nn

from mmpose_kd.compat import extend
from mmpose_kd.errors import ConfigError
from mmpose_kd.parts import class_of, imports_of

from .check import check_config
from .explain import explained

ALWAYS = ('TrainingGuardHook', )  # hooks of every run whose config imports this package, plain models too
PART = '.part'  # end of the name of what is not whole yet


def unwrapped_model(runner: Runner) -> BasePoseEstimator:
    """The runner's model without the wrapper of distributed training."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def register_required_hooks() -> None:
    """Extend ``Runner.register_hooks``; a second call changes nothing."""

    @extend(Runner, 'register_hooks')
    def register_hooks(stock: Callable, self: Runner, default_hooks: Optional[dict] = None,
                       custom_hooks: Optional[list] = None) -> None:
        checkpoint = (default_hooks or {}).get('checkpoint')
        if _is_ours(self.cfg) and isinstance(checkpoint, dict) and class_of(HOOKS, checkpoint) is CheckpointHook:
            # named by its class or module, so that our hook of that name does not take its place by itself
            default_hooks = dict(default_hooks or {}, checkpoint=dict(checkpoint, type='mmpose.CheckpointHook'))
        stock(self, default_hooks, custom_hooks)
        model = unwrapped_model(self)
        present = {type(hook).__name__ for hook in self.hooks}
        wanted = getattr(model, 'required_hooks', ALWAYS if _is_ours(self.cfg) else ())
        for name in wanted:
            if name not in present:
                self.register_hook(dict(type=name))
        if hasattr(model, 'locate_teachers') and self.cfg.filename:
            model.locate_teachers(osp.dirname(osp.abspath(self.cfg.filename)), self.cfg.model)


def refuse_flexible_runner() -> None:
    """Extend ``FlexibleRunner.register_hooks``, that of MMEngine's strategies; a second call changes nothing."""

    @extend(FlexibleRunner, 'register_hooks')
    def register_hooks(stock: Callable, self: FlexibleRunner, *args: Any, **kwargs: Any) -> None:
        kind = class_of(MODELS, self.model) if isinstance(self.model, dict) else type(self.model)
        if hasattr(kind, 'required_hooks'):
            raise ConfigError(f'model.type={kind.__name__}: FlexibleRunner and its strategies (DeepSpeed, FSDP, '
                              'ColossalAI) would neither load the teachers before the first step nor save what the '
                              'objectives learn. Train with the Runner: leave out runner_type and strategy.')
        stock(self, *args, **kwargs)


def explain_config_errors() -> None:
    """Extend ``Runner.from_cfg``, ``train`` and what loads its checkpoint; a second call changes nothing."""

    @extend(Runner, 'from_cfg')
    def from_cfg(stock: Callable, cls: type, cfg: Any) -> Runner:
        if not _is_ours(cfg):
            return stock(cls, cfg)
        cfg = cfg if isinstance(cfg, Config) else Config(cfg)
        check_config(cfg)
        with explained(cfg):
            return stock(cls, cfg)

    @extend(Runner, 'train')
    def train(stock: Callable, self: Runner) -> nn.Module:
        if not _is_ours(self.cfg):
            return stock(self)
        with explained(self.cfg, lambda: getattr(self._train_loop, 'iter', 0)):
            return stock(self)

    @extend(Runner, 'load_or_resume')
    def load_or_resume(stock: Callable, self: Runner) -> None:  # before a test, too
        if not _is_ours(self.cfg):
            return stock(self)
        with explained(self.cfg):
            return stock(self)


def save_whole_checkpoints() -> None:
    """Extend ``Runner.save_checkpoint``; a second call changes nothing."""

    @extend(Runner, 'save_checkpoint')
    def save_checkpoint(stock: Callable, self: Runner, out_dir: str, filename: str,
                        file_client_args: Optional[dict] = None, *args: Any, backend_args: Optional[dict] = None,
                        **kwargs: Any) -> None:
        save = partial(stock, self, out_dir, backend_args=backend_args, **kwargs)
        if not _is_on_disk(str(out_dir), file_client_args, backend_args):
            return save(filename, file_client_args, *args)
        save(f'{filename}{PART}', file_client_args, *args)
        if is_main_process():
            move_into_place(Path(out_dir) / f'{filename}{PART}')


def _is_on_disk(folder: str, file_client_args: Optional[dict], backend_args: Optional[dict]) -> bool:
    """Whether MMEngine would write to a folder of this machine, rather than to a store that URL or arguments name."""
    if file_client_args is not None:
        return isinstance(FileClient.infer_client(file_client_args, folder).client, LocalBackend)
    return isinstance(get_file_backend(folder, backend_args=backend_args), LocalBackend)


def move_into_place(part: Path) -> None:
    """Give a file that is written the name without ``.part``, when the disk has it."""
    with open(part, 'rb+') as file:
        os.fsync(file.fileno())
    os.replace(part, str(part).removesuffix(PART))


def _is_ours(cfg) -> bool:
    """Whether a config imports this package, or distils: a child's ``custom_imports`` may have replaced its base's."""
    if any(str(name).split('.')[0] == 'mmpose_kd' for name in imports_of(cfg)):
        return True
    model = cfg.get('model')
    return isinstance(model, dict) and hasattr(class_of(MODELS, model), 'required_hooks')
