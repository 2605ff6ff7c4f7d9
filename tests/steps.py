"""One training step and one validation batch of a shipped config, through the stock Runner."""
import importlib.util
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from mmpose.registry import DATASETS, MODELS

from mmpose_kd.deploy.student import drop_initial_weights
from mmpose_kd.models.distillers.teachers import teachers_by_name


def one_step(cfg: Config, work_dir, batch_size=3):
    """Train and validate on one batch, see :func:`shrink`; returns what was logged, by name, and the model."""
    shrink(cfg, work_dir, batch_size)
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 1
    return {name: buffer.current() for name, buffer in runner.message_hub.log_scalars.items()}, runner.model


def trainable(path, persons):
    """The model of a config on drawn people, its teachers loaded, in training mode; and a preprocessed batch of it."""
    cfg = Config.fromfile(path)
    shrink(cfg, 'unused', persons)
    model = MODELS.build(cfg.model)
    dataset = DATASETS.build({**cfg.train_dataloader.dataset, 'num_samples': persons})
    if hasattr(model, 'load_teachers'):
        model.load_teachers(dataset)
    return model.train(), model.data_preprocessor(pseudo_collate([dataset[i] for i in range(persons)]), True)


def shrink(cfg: Config, work_dir, batch_size=3):
    """Cut a config, in place, to one batch of training and of validation.

    The batch is smaller, there are no worker processes and no checkpoint, and nothing is downloaded: the teacher and a
    student that starts from a checkpoint have random weights. RTMPose's Albumentation is left out where that package,
    an option of MMPose's, is not installed. All else is the config's.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].update(batch_size=batch_size, num_workers=0, persistent_workers=False)
        dataset = cfg[name].dataset.get('dataset', cfg[name].dataset)
        if importlib.util.find_spec('albumentations') is None:
            dataset.pipeline = [t for t in dataset.pipeline if t['type'] != 'Albumentation']
        dataset['num_samples' if 'num_samples' in dataset else 'indices'] = batch_size
    cfg.train_cfg.max_epochs = 1
    cfg.default_hooks.checkpoint.update(interval=-1, save_last=False, save_best=None)
    drop_initial_weights(cfg.model)
    cfg.load_from = None
    if 'first_stage' in cfg.default_hooks:
        cfg.default_hooks.first_stage.allow_random_weights = True
    for teacher in teachers_by_name(cfg.model.get('teacher')).values():
        teacher.pop('checkpoint')
        teacher.allow_random_weights = True
    name = f'{Path(cfg.filename).stem}_{Path(work_dir).name}'
    cfg.merge_from_dict(dict(work_dir=str(work_dir), experiment_name=name, log_level='ERROR', randomness=dict(seed=0)))
