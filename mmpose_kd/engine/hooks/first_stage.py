"""Start the second stage of a training from the first one's checkpoint."""
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from mmpose_kd.checkpoint import load_strictly, state_dict_of
from mmpose_kd.engine.runner import unwrapped_model
from mmpose_kd.errors import ConfigError


@HOOKS.register_module()
class FirstStageHook(Hook):
    """Load a checkpoint of stage 1 into a model that wraps its head, such as one with an ``IGPGCNHead``.

    Names ``head.*`` in the file that ``load_from`` gives are those of ``head.base.*`` in the model. Backbone, neck and
    this head must be there in full, and with nothing else: the runner itself would go on with what it finds. A
    checkpoint of stage 2, to test or to resume, is loaded as it is.

    Args:
        allow_random_weights (bool): Train without a checkpoint of stage 1; for tests only. Default: False.

    Raises:
        ConfigError: No checkpoint is given, it is not of the student that the model wraps, or the model wraps no head.

    Example:
        >>> load_from = 'work_dirs/two-stage-1_litehrnet18_hrnet-w32_coco-256x192/epoch_300.pth'
        >>> default_hooks = dict(first_stage=dict(type='FirstStageHook'))
    """

    priority = 'HIGH'  # before an EMAHook copies the weights

    def __init__(self, allow_random_weights: bool = False) -> None:
        self.allow_random_weights = allow_random_weights

    def before_train(self, runner: Runner) -> None:
        if not runner._has_loaded and not self.allow_random_weights:
            raise ConfigError('FirstStageHook: no checkpoint of stage 1 was loaded, and a frozen student with random '
                              'weights has no pose to refine. Set load_from to a checkpoint of stage 1.')

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        state = state_dict_of(checkpoint)
        if any(name.startswith('head.base.') for name in state):
            return
        model = unwrapped_model(runner)
        base = getattr(model.head, 'base', None)
        if base is None:
            raise ConfigError(f'FirstStageHook: {type(model.head).__name__} has no "base", the head of stage 1; use '
                              'IGPGCNHead, or drop the hook.')
        for part, module in (('backbone', model.backbone), ('neck', getattr(model, 'neck', None)), ('head', base)):
            if module is not None:
                own = {name[len(part) + 1:]: x for name, x in state.items() if name.startswith(f'{part}.')}
                load_strictly(module, own, runner._load_from, part)
        checkpoint['state_dict'] = {
            f'head.base.{name[5:]}' if name.startswith('head.') else name: x for name, x in state.items()}
