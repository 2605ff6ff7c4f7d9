"""Say once how good the teacher is, and how far the student is behind."""
from typing import Dict, Optional

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch.utils.data import DataLoader, Subset

from mmpose_kd.engine.runner import unwrapped_model
from mmpose_kd.engine.undisturbed import undisturbed
from mmpose_kd.models.distillers.multi_kd import MultiKDDistiller
from mmpose_kd.progress import track

INFO = 'teacher_metrics'
EVALUATED = 'teacher_checksums'  # of whose weights they are


@HOOKS.register_module()
class TeacherMetricHook(Hook):
    """Evaluate each teacher once on the validation set, and print its metrics beside the student's.

    The teacher sees the student's validation images through the student's pipeline, as it does in training. Its metrics
    go to the log and, as ``teacher/...``, to the visualizer's backends. A resumed run evaluates it again only
    if its weights are others. What a metric returns beside numbers, such as a list, is left out. Switch it off with
    ``teacher=dict(..., report_metric=False)``.

    Before that, which may take minutes, the losses of one batch are computed and thrown away, so that a mistake in the
    objectives is known at once.

    The runner registers this hook by itself for a :class:`MultiKDDistiller`.
    """

    priority = 'NORMAL'

    def before_train(self, runner: Runner) -> None:
        model = unwrapped_model(runner)
        teachers = {name: t for name, t in model.teachers.items() if t.report_metric}
        known, weights = runner.message_hub.runtime_info, {name: t.checksum for name, t in teachers.items()}
        if runner.val_loop is None or not teachers or (known.get(INFO) and known.get(EVALUATED, weights) == weights):
            return
        _try_a_step(runner, model)
        found = {name: self._evaluate(runner, model, name) for name in teachers}
        runner.message_hub.update_info(INFO, found)
        runner.message_hub.update_info(EVALUATED, weights)
        for name, metrics in found.items():
            runner.logger.info(f'{name} on the validation set: {_table(metrics)}')
            runner.visualizer.add_scalars({f'{name}/{k}': v for k, v in metrics.items()}, step=0)

    def after_val_epoch(self, runner: Runner, metrics: Optional[Dict[str, float]] = None) -> None:
        for name, theirs in (runner.message_hub.runtime_info.get(INFO) or {}).items():
            both = {k: (ours, theirs[k]) for k, ours in (metrics or {}).items() if k in theirs}
            if both:
                text = ', '.join(f'{k} {s:.4f} / {t:.4f} ({s - t:+.4f})' for k, (s, t) in both.items())
                runner.logger.info(f'student / {name}: {text}')

    def _evaluate(self, runner: Runner, model: MultiKDDistiller, name: str) -> Dict[str, float]:
        dataloader, evaluator = runner.val_loop.dataloader, runner.val_loop.evaluator
        runner.logger.info(f'evaluating {name} once on the validation set')
        with undisturbed(model):
            for batch in track(dataloader, f'evaluating {name}') if is_main_process() else dataloader:
                samples = model.predict_teacher(name, **model.data_preprocessor(batch, False))
                evaluator.process(data_samples=samples, data_batch=batch)
        return {k: float(v) for k, v in evaluator.evaluate(len(dataloader.dataset)).items() if np.size(v) == 1}


def _try_a_step(runner: Runner, model: MultiKDDistiller) -> None:
    """Compute the losses of some samples, and leave everything as it was."""
    loader = runner.train_dataloader
    if loader.batch_size is None:  # a batch sampler of one's own says which samples make a batch
        return
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    few = Subset(loader.dataset, [i % len(loader.dataset) for i in range(loader.batch_size)])
    with undisturbed(model):
        model.train()
        # In a process of its own where the training has some: a client of a file server must not be shared with them.
        batch, = DataLoader(few, len(few), num_workers=min(1, loader.num_workers), collate_fn=loader.collate_fn,
                            multiprocessing_context=loader.multiprocessing_context)
        model.try_loss(**model.data_preprocessor(batch, True))
        for name, value in model.named_buffers():
            value.copy_(buffers[name])


def _table(metrics: Dict[str, float]) -> str:
    return ', '.join(f'{k} {v:.4f}' for k, v in metrics.items())
