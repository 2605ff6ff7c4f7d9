"""Stop a training that cannot succeed, and say why."""
from pathlib import Path
from typing import Any, Dict, Iterable, Optional, Set

import torch
from mmengine.dist import all_gather_object, get_rank
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.registry import HOOKS
from torch import Tensor

from mmpose_kd.datasets.annotations import nested
from mmpose_kd.engine.explain import no_batch
from mmpose_kd.engine.runner import unwrapped_model
from mmpose_kd.errors import ConfigError, did_you_mean


@HOOKS.register_module()
class TrainingGuardHook(Hook):
    """Refuse a training set that cannot be trained on, and stop at a loss that is NaN or infinite; its batch is saved.

    On a GPU a step's losses are looked at one step later, when they have arrived, so that nothing waits for them; but
    always before a checkpoint is saved, and then the weights too. The batch goes to ``not_finite_step_N.pth`` in the
    run's folder.

    The runner registers this hook by itself where the config imports this package.

    Raises:
        ConfigError: There is no batch, or not the same number in every process; an annotation file has an id twice; or
            a loss or, when a checkpoint is saved, a weight is not finite: names it and the step.
    """

    priority = 'NORMAL'

    def __init__(self) -> None:
        self._last: Optional[Dict[str, Any]] = None  # the step that is not looked at yet
        self._meant: Set[str] = set()  # buffers that were not finite from the start, such as an attention mask of -inf

    def before_train(self, runner: Runner) -> None:
        loader = runner.train_dataloader
        if len(loader) == 0:
            raise ConfigError(no_batch(loader))
        for dataset in nested(loader.dataset):
            _say_what_is_left_out(runner, dataset)
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            _check_equal_batches(loader)
        _say_what_keys_do(runner)
        buffers = unwrapped_model(runner).named_buffers()
        self._meant = {name for name, value in buffers
                       if not (torch.isfinite(value).all() or name.endswith(('running_mean', 'running_var')))}

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Any = None,
                         outputs: Optional[Dict[str, Tensor]] = None) -> None:
        self._look(runner)
        losses = {k: v.detach().float().mean() for k, v in (outputs or {}).items() if 'loss' in k and k != 'loss'}
        if not losses:
            return
        values, arrived = torch.stack(list(losses.values())), None
        if values.is_cuda:
            values, arrived = values.to('cpu', non_blocking=True), torch.cuda.Event()
            arrived.record()
        self._last = dict(step=runner.iter + 1, names=list(losses), values=values, arrived=arrived, batch=data_batch)
        if arrived is None:
            self._look(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        self._look(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        self._look(runner)
        model = unwrapped_model(runner)  # has connectors too and, where the checkpoint has an EMA, what it averages
        for name, value in [*checkpoint['state_dict'].items(), *model.named_parameters(), *model.named_buffers()]:
            if name not in self._meant and not torch.isfinite(value).all():
                raise ConfigError(f'{name} is not finite at step {runner.iter}, and no checkpoint is written of it. '
                                  'The losses were finite, so a gradient was not: lower optim_wrapper.optimizer.lr '
                                  'or set optim_wrapper.clip_grad, then resume from the last checkpoint.')

    def _look(self, runner: Runner) -> None:
        last, self._last = self._last, None
        if last is None:
            return
        if last['arrived'] is not None:
            last['arrived'].synchronize()
        losses = dict(zip(last['names'], last['values'].tolist()))
        bad = [name for name, finite in zip(losses, torch.isfinite(last['values']).tolist()) if not finite]
        if not bad:
            return
        rank = f'_rank_{get_rank()}' if get_rank() else ''
        file = Path(runner.work_dir).absolute() / f'not_finite_step_{last["step"]}{rank}.pth'
        torch.save(dict(step=last['step'], losses=losses, batch=last['batch']), file)
        raise ConfigError(
            f'step {last["step"]}: {bad[0]} is {losses[bad[0]]}; all losses: {losses}. No checkpoint was written '
            f'since. The batch is in "{file}": torch.load(file, weights_only=False)["batch"]. Lower '
            'optim_wrapper.optimizer.lr, set optim_wrapper.clip_grad or, with half precision, take bfloat16; then '
            'resume from the last checkpoint.')


def _say_what_is_left_out(runner: Runner, dataset: Any) -> None:
    """Log how many annotations of a COCO-style file are not trained on; refuse one whose ids are not unique."""
    counts = getattr(dataset, 'annotation_counts', None)
    if counts is None:
        return
    for name, (number, ids) in counts.items():
        if ids < number:
            raise ConfigError(f'{dataset.ann_file}: {number - ids} of {number} {name} have the id of another, which '
                              'would be trained on in their place. Give each an id of its own.')
    total = counts['annotations'][0]
    each = dataset._indices is None and dataset.sample_interval == 1 and dataset.data_mode == 'topdown'
    if each and len(dataset) < total:
        runner.logger.warning(f'{dataset.ann_file}: {total - len(dataset)} of {total} annotations are left out: they '
                              'are crowds, have no labelled joint, or no box inside the image.')


def _say_what_keys_do(runner: Runner) -> None:
    """Log the entries of ``paramwise_cfg.custom_keys`` that change nothing, or more than they name."""
    wrapper = runner.cfg.get('optim_wrapper') or {}
    keys = (wrapper.get('paramwise_cfg') or {}).get('custom_keys') or {}
    optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
    constructor = wrapper.get('constructor', 'DefaultOptimWrapperConstructor')
    if constructor != 'DefaultOptimWrapperConstructor' or optimizer is None:
        return
    names = [name for name, _ in unwrapped_model(runner).named_parameters()]
    known = {'lr_mult', 'decay_mult', *optimizer.defaults}
    for key, factors in keys.items():
        place = f'optim_wrapper.paramwise_cfg.custom_keys["{key}"]'
        if not any(key in name for name in names):
            parts = {name.split('.')[0] for name in names}
            runner.logger.warning(f'{place} is part of no parameter\'s name and changes nothing.'
                                  f'{did_you_mean(key, parts)}')
        for factor in set(factors) - known:
            runner.logger.warning(f'{place}: nothing reads "{factor}".{did_you_mean(factor, known)}')
        for objective in _named_like(key, keys, names):
            runner.logger.warning(f'{place} is part of the name of model.objectives.{objective}, and so is for what '
                                  'that trains beside the student, too. If it is not meant, name the objective '
                                  f'otherwise, or give an entry "objectives.{objective}" of its own.')


def _named_like(key: str, keys: Iterable[str], names: Iterable[str]) -> Set[str]:
    """The objectives whose connectors get the student's entry of ``custom_keys`` for their own names' sake."""
    got = [name for name in names
           if max(sorted(k for k in keys if k in name), key=len, default=None) == key]  # as MMEngine chooses
    if all(name.startswith('objectives.') for name in got):
        return set()  # the entry is theirs
    return {name.split('.')[1] for name in got if name.startswith('objectives.') and key in name.split('.')[1]}


def _check_equal_batches(loader: Any) -> None:
    """Refuse processes with different numbers of batches in an epoch."""
    numbers = all_gather_object(len(loader))
    if len(set(numbers)) > 1:
        raise ConfigError(f'train_dataloader: the processes have {" and ".join(map(str, numbers))} batches, so that '
                          'one would wait for the others for ever. Set train_dataloader.sampler.round_up=True.')
