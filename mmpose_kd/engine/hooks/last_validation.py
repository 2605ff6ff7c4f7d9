"""Validate after the last epoch where a resumed training would not."""
from typing import Optional

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS


@HOOKS.register_module()
class LastValidationHook(Hook):
    """Validate at the end of a training that was stopped in its last validation and resumed from its last checkpoint.

    MMEngine's loop has no epoch left to train then, and so ends without the metrics. Every training of a study has
    this hook; it does nothing in one that was not stopped there.

    Example:
        >>> custom_hooks = [dict(type='LastValidationHook')]
    """

    priority = 'VERY_HIGH'  # before others close their files

    def __init__(self) -> None:
        self.validated: Optional[int] = None

    def after_val_epoch(self, runner: Runner, metrics: Optional[dict] = None) -> None:
        self.validated = runner.epoch

    def after_train(self, runner: Runner) -> None:
        if runner.val_loop is not None and self.validated != runner.epoch:
            runner.val_loop.run()
