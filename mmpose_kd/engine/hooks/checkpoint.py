"""Make a distilled run resume as if it had never stopped."""
from functools import partial
from typing import Any, cast

import numpy as np
from mmengine.dist import broadcast, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner, set_random_seed
from mmengine.runner.checkpoint import weights_to_cpu
from mmpose.registry import HOOKS
from torch.utils.data import DataLoader

from mmpose_kd.engine.runner import unwrapped_model
from mmpose_kd.errors import ConfigError
from mmpose_kd.models.distillers.multi_kd import MultiKDDistiller
from mmpose_kd.models.distillers.schedules import Progress

KEY = 'distillation'
GRADIENTS = 'accumulated_gradients'


@HOOKS.register_module()
class DistillCheckpointHook(Hook):
    """Load the teachers before the first step, and keep the connectors' weights in the checkpoint beside the student.

    The checkpoint's ``state_dict`` is the plain student's; the connectors' weights are under ``distillation``. Every
    epoch starts from a random state that depends on the seed, the epoch and the rank alone, so that a run resumed at
    an epoch's start draws the same numbers as the uninterrupted run, whose seed it takes over. Where an
    epoch ends between two updates of an optimizer that accumulates gradients, those so far are in the checkpoint under
    ``accumulated_gradients``; with several processes they are not, as each has its own. Worker processes of a
    dataloader with ``persistent_workers=True`` keep their own random state, which no checkpoint holds: with them, the
    augmentations after a resume differ.

    The runner registers this hook by itself for a :class:`MultiKDDistiller`.

    Raises:
        ConfigError: A checkpoint to resume from holds no connector weights, or those of other objectives.

    Example:
        >>> default_hooks = dict(distillation=dict(type='DistillCheckpointHook'))
    """

    priority = 'HIGH'

    def before_train(self, runner: Runner) -> None:
        model = unwrapped_model(runner)
        for state in model.distillation_state().values():  # each rank drew its own with diff_rank_seed=True
            for value in state.values():  # and MMEngine sends what is in the state_dict alone
                broadcast(value)
        model.load_teachers(runner.train_dataloader.dataset)
        model.message_hub = runner.message_hub.instance_name
        _say_what_is_not_reached(runner, model)
        if runner._resume and runner.seed is not None and not runner._randomness_cfg.get('diff_rank_seed'):
            _take_over_seed(runner.train_dataloader, runner.seed)
        each = len(runner.train_dataloader)
        if isinstance(runner.train_loop, EpochBasedTrainLoop) and runner.iter != runner.epoch * each:
            runner.logger.warning(f'the checkpoint was saved after {runner.iter} steps, which are not {runner.epoch} '
                                  f'epochs of {each}: it was saved within an epoch, or with another batch size or '
                                  f'number of processes. Epoch {runner.epoch + 1} is trained from its start, and '
                                  'schedules go on from that step. To resume exactly, save by epochs '
                                  '(default_hooks.checkpoint.by_epoch=True), and resume with as many samples a step.')

    def before_train_epoch(self, runner: Runner) -> None:
        if runner.seed is not None:
            seed = np.random.SeedSequence([runner.seed, runner.epoch, get_rank()]).generate_state(1)[0]
            set_random_seed(int(seed))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        state = unwrapped_model(runner).distillation_state()
        checkpoint[KEY] = {name: weights_to_cpu(weights) for name, weights in state.items()}
        parameters = unwrapped_model(runner).named_parameters() if get_world_size() == 1 else ()
        gradients = {name: p.grad.cpu() for name, p in parameters if p.grad is not None}
        if gradients:
            checkpoint[GRADIENTS] = gradients

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if not runner._resume:
            return  # load_from takes the student's weights alone
        if KEY not in checkpoint:
            raise ConfigError('the checkpoint to resume from was not written by a distilled run: it has no '
                              f'"{KEY}". To start from its weights, set load_from and leave resume off.')
        training = ('optimizer', 'param_schedulers') if runner.param_schedulers else ('optimizer', )
        lost = [key for key in training if key not in checkpoint]
        if lost:  # MMEngine goes on without a word
            runner.logger.warning(f'the checkpoint to resume from has no {" and no ".join(lost)}, so that the training '
                                  'goes on with a new state of them, as at its beginning. Those of save_best are so, '
                                  'and those saved with save_optimizer=False or save_param_scheduler=False. To resume '
                                  'exactly, name one that was saved at an interval.')
        model = unwrapped_model(runner)
        model.load_distillation_state(checkpoint[KEY])
        for name, gradient in checkpoint.get(GRADIENTS, {}).items():
            parameter = model.get_parameter(name)
            parameter.grad = gradient.to(parameter.device)


def _say_what_is_not_reached(runner: Runner, model: MultiKDDistiller) -> None:
    """Log the positions of the weights' schedules that the training ends before."""
    progress = Progress.of_runner(model.message_hub)
    for name, schedule in model.schedules.items():
        late = schedule.beyond(progress)
        if late:
            runner.logger.warning(f'model.objectives.{name}.weight: this training of {progress.max_epochs} epochs and '
                                  f'{progress.max_iters} iterations ends before {" and ".join(late)}, where the weight '
                                  'would change. Give a fraction of the training, such as 0.5, or an earlier position; '
                                  'without by_epoch=True an int counts iterations.')


def _take_over_seed(loader: DataLoader, seed: int) -> None:
    """Give a loader the seed of the checkpoint: without ``randomness.seed`` it was built with one drawn anew."""
    for sampler in (loader.sampler, getattr(loader.batch_sampler, 'sampler', None)):  # of which one may be PyTorch's
        if hasattr(sampler, 'seed'):
            cast(Any, sampler).seed = seed
    start = loader.worker_init_fn
    if isinstance(start, partial) and 'seed' in start.keywords:
        loader.worker_init_fn = partial(start.func, *start.args, **{**start.keywords, 'seed': seed})
