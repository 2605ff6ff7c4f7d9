"""Checkpoints that outlive a training that is killed at any moment."""
import math
import os
import re
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from mmpose_kd.config import read_config
from mmpose_kd.engine.runner import PART, move_into_place
from mmpose_kd.errors import ConfigError, check_arguments, did_you_mean


@HOOKS.register_module(name='CheckpointHook')
class WholeCheckpointHook(CheckpointHook):
    """MMEngine's hook, with which a training that is killed or runs out of disk has a whole checkpoint at any moment.

    Upstream problem: the stock hook removes the oldest or the best checkpoint before it writes the next, so that with
    ``max_keep_ckpts=1`` there is none in between; it writes ``last_checkpoint`` in place; and a run resumes from what
    this names, be it whole or not. Thread: none found. Here the new one is written first, ``last_checkpoint`` is
    replaced at once, and a damaged checkpoint is passed over for the one before it, with a warning that names both.
    That a checkpoint itself is written at once is in :mod:`mmpose_kd.engine.runner`.

    MMPose's ``--resume`` without a file drops ``load_from``, also in a first start, where there is nothing to resume:
    that begins from the ``load_from`` of the config file here, as it does without ``--resume``. ``load_from`` among the
    options of the command line is the file that is resumed from, to MMEngine: where the folder of the run has
    checkpoints of its own, a warning says so.

    Where a run resumes from a checkpoint of another folder, the stock hook would remove the best one there as soon as
    this run has a better one; here it stays.

    It is registered in MMPose's registry by the stock hook's name, so that every config with
    ``default_scope='mmpose'`` has it.

    Raises:
        ConfigError: An argument is unknown, which the stock hook says when it first saves; the evaluator does not
            return the metric of ``save_best``; or the checkpoint to resume from is damaged or absent, and there is no
            whole one before it.

    Example:
        >>> default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=10, max_keep_ckpts=1))
    """

    file_backend: Any  # set in before_train

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        check_arguments(CheckpointHook, kwargs, 'default_hooks.checkpoint')
        super().__init__(*args, **kwargs)

    def before_run(self, runner: Runner) -> None:
        """Resume from a checkpoint that is whole."""
        if not runner._resume:
            return
        pointer = Path(runner.work_dir) / 'last_checkpoint'
        latest = pointer.read_text().strip() if pointer.is_file() else None
        given = runner._load_from or latest
        if given is None:
            return _begin_as_configured(runner)
        if latest and _folder(given) != _folder(latest):
            runner.logger.warning(f'resuming from "{given}", which --resume FILE or load_from names, and not from the '
                                  f'newest checkpoint of "{runner.work_dir}", "{latest}": what was trained there is '
                                  'written over. To go on from that, leave load_from out and give --resume no file.')
        if '://' in given or os.path.isdir(given) or is_whole(given):
            return
        there = os.path.isfile(given)
        if not there and runner._load_from:
            return  # a name that somebody has typed: MMEngine says that it does not exist
        folder, what = Path(given).parent if there else Path(runner.work_dir), 'is damaged' if there else 'is not there'
        found = self._newest_whole(folder, _number(given))
        if found is None:
            raise ConfigError(f'resume: the checkpoint "{given}" {what}, and in "{folder}" there is no whole one from '
                              'before it. Name another by --resume FILE, or start anew without --resume.')
        runner.logger.warning(f'the checkpoint "{given}" {what}: resuming from the one before it, "{found}"')
        runner._load_from = str(found)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Drop a config's text: the runner would run it as Python code to compare the number of GPUs."""
        if isinstance(checkpoint.get('meta'), dict):
            checkpoint['meta'].pop('config', None)

    def before_train(self, runner: Runner) -> None:
        """Remove what a killed process had begun to write."""
        super().before_train(runner)
        if is_main_process():
            for part in Path(self.out_dir).glob(f'*{PART}'):
                part.unlink()

    def _newest_whole(self, folder: Path, limit: float) -> Optional[Path]:
        """The newest whole checkpoint up to an epoch or iteration."""
        pattern = re.sub(r'\\\{.*?\\\}', r'\\d+', re.escape(self.filename_tmpl))
        files = [file for file in folder.iterdir() if re.fullmatch(pattern, file.name) and _number(file) <= limit]
        return next(filter(is_whole, sorted(files, key=_number, reverse=True)), None)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        name, outdated = self.filename_tmpl.format(step), None
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated = self.filename_tmpl.format(self.keep_ckpt_ids.popleft())
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir, name, self.file_client_args, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=meta, by_epoch=self.by_epoch,
            backend_args=self.backend_args, **self.args)
        if not is_main_process():
            return
        pointer = Path(runner.work_dir) / f'last_checkpoint{PART}'
        pointer.write_text(self.last_ckpt)
        move_into_place(pointer)
        if outdated not in (None, name):
            self._remove(self.file_backend.join_path(self.out_dir, outdated))

    def _save_best_checkpoint(self, runner: Runner, metrics: Dict[str, float]) -> None:
        if not self.save_best:
            return
        unknown = [name for name in self.key_indicators if name not in metrics and name != 'auto']
        if unknown:
            raise ConfigError(f'default_hooks.checkpoint.save_best="{unknown[0]}": the evaluator returns no such '
                              f'metric, but {", ".join(metrics)}.{did_you_mean(unknown[0], metrics)}')
        stock = self.file_backend
        self.file_backend = later = _RemovesLater(stock)
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            self.file_backend = stock
        now = [getattr(self, 'best_ckpt_path', None), *getattr(self, 'best_ckpt_path_dict', {}).values()]
        for path in later.outdated:
            here = self.file_backend.join_path(self.out_dir, os.path.basename(path))
            # that of a run in another folder, whose checkpoint this one resumed, is its own
            if os.path.abspath(path) == os.path.abspath(here) and path not in now:
                self._remove(path)

    def _remove(self, path: str) -> None:
        if self.file_backend.isdir(path):  # DeepSpeed's are folders
            self.file_backend.rmtree(path)
        elif self.file_backend.isfile(path):
            self.file_backend.remove(path)


class _RemovesLater:
    """A file backend that only notes what is to be removed."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.outdated: List[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def remove(self, path: str) -> None:
        self.outdated.append(path)

    rmtree = remove


def _begin_as_configured(runner: Runner) -> None:
    """Where there is nothing to resume, begin from what the config file says."""
    file = runner.cfg.filename
    start = read_config(file, custom_imports=False).get('load_from') if file and os.path.isfile(file) else None
    if start is not None:
        runner.logger.info(f'there is nothing to resume in "{runner.work_dir}": beginning from load_from="{start}"')
        runner._resume, runner._load_from = False, start


def _folder(file: str) -> str:
    return os.path.dirname(os.path.realpath(file))


def is_whole(path: Union[str, Path]) -> bool:
    """Whether a checkpoint has all bytes that were written, by the checksums of the zip file that it is."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # a damaged archive can raise any
        return False


def _number(file: Union[str, Path]) -> float:
    """The epoch or iteration in a checkpoint's name."""
    numbers = re.findall(r'\d+', Path(file).name)
    return int(numbers[-1]) if numbers else math.inf
