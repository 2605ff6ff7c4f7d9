"""Time one training step of several configs, interleaved in one process.

The first config is the baseline. Images are random, labels come from each config's own codec, teachers have random
weights: none of that changes the time of a step. Data loading is not part of it. The medians of all rounds are printed,
and the median of each round's ratio to the baseline, which other work on the machine moves less. `--data` takes batches
from each config's own training set and teachers from their checkpoints, as a cached teacher needs.

    python benchmarks/step_cost.py configs/students/NAME.py configs/multi_kd/NAME.py --batch-size 32
"""
import argparse
import logging
import sys
import time
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, MODELS

import mmpose_kd
from mmpose_kd.cli import CfgOptions
from mmpose_kd.config import merge_options, read_config
from mmpose_kd.deploy.student import drop_initial_weights
from mmpose_kd.machine import cores, processor, use_gpu
from mmpose_kd.models.distillers.schedules import Constant
from mmpose_kd.models.distillers.teachers import absolute_paths, teachers_by_name

OPTIONS = 'for every row; those of model.teacher and model.objectives where a config has one'


def read_row(config: str, options: dict) -> Config:
    """A row's config with its share of ``--cfg-options``: all but those of a teacher or objectives that it lacks."""
    cfg = read_config(config)
    absent = [['model', part] for part in ('teacher', 'objectives') if part not in cfg.model]
    merge_options(cfg, {key: value for key, value in options.items() if key.split('.')[:2] not in absent}, config)
    return cfg


def join(processes: list, part: str) -> None:
    """Wait for processes to end. When one fails, end the others, and this one with a message that names the part."""
    running = list(processes)
    while running and not any(process.exitcode for process in processes):
        wait([process.sentinel for process in running])
        running = [process for process in running if process.exitcode is None]
    failed = [process.exitcode for process in processes if process.exitcode]
    for process in running:
        process.terminate()
        process.join()
    if failed:
        sys.exit(f'error: {part}: the process that measures it ended with exit code {failed[0]}. Its own error is '
                 'above, but for want of memory (-9): try a smaller --batch-size.')


def sample(cfg: Config, rng: np.random.RandomState) -> dict:
    """A person with random joints in a random image of the config's input size, packed as for training."""
    dataset = cfg.train_dataloader.dataset.get('dataset', cfg.train_dataloader.dataset)
    meta = parse_pose_metainfo(dataset.get('metainfo') or DATASETS.get(dataset.type).METAINFO)
    width, height = cfg.model.head.get('base', cfg.model.head).decoder.input_size
    joints = meta['num_keypoints']
    results = dict(
        img=rng.randint(0, 256, (height, width, 3), dtype=np.uint8),
        keypoints=rng.uniform(0, (width, height), (1, joints, 2)),
        keypoints_visible=np.ones((1, joints), dtype=np.float32),
        dataset_keypoint_weights=np.ones(joints, dtype=np.float32),
        flip_indices=meta['flip_indices'], id=0, img_id=0, img_path='', category_id=1, crowd_index=0.,
        ori_shape=(height, width), img_shape=(height, width), input_size=(width, height), flip=False,
        flip_direction=None, input_center=np.zeros(2), input_scale=np.ones(2), raw_ann_info=None,
        dataset_name=meta['dataset_name'], bbox=np.zeros((1, 4)), bbox_score=np.ones(1),
        bbox_center=np.zeros((1, 2)), bbox_scale=np.ones((1, 2)))
    results['transformed_keypoints'] = results['keypoints']
    last = [t for t in dataset.pipeline if t['type'] in ('GenerateTarget', 'PackPoseInputs')]
    return Compose(last)(results)


class Step:
    """One config's model, optimizer and batch."""

    def __init__(self, config: str, batch_size: int, device: torch.device, options: dict, real: bool = False) -> None:
        cfg = read_row(config, options)
        absolute_paths(cfg.model.get('teacher'), str(Path(config).resolve().parent))
        drop_initial_weights(cfg.model)
        for teacher in [] if real else teachers_by_name(cfg.model.get('teacher')).values():
            teacher.pop('checkpoint', None)
            teacher.allow_random_weights = True
        for objective in cfg.model.get('objectives', {}).values():
            if 'batch_size' in (objective.get('allocation') or {}):
                objective.allocation.batch_size = batch_size
        init_default_scope('mmpose')
        dataset = DATASETS.build(cfg.train_dataloader.dataset) if real else None
        data = pseudo_collate(
            [dataset[i] if real else sample(cfg, np.random.RandomState(i)) for i in range(batch_size)])
        self.name = Path(config).stem
        self.model = MODELS.build(cfg.model).to(device).train()
        if real and hasattr(self.model, 'load_teachers'):
            self.model.load_teachers(dataset)
        elif hasattr(self.model, 'load_teachers'):
            dataset = cfg.train_dataloader.dataset.get('dataset', cfg.train_dataloader.dataset)
            self.model.metainfo = parse_pose_metainfo(
                dataset.get('metainfo') or DATASETS.get(dataset.type).METAINFO)
        if hasattr(self.model, 'schedules'):
            self.model.schedules = {name: Constant(1.0) for name in self.model.schedules}  # none that begins at 0
        self.optimizer = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.data = self.model.data_preprocessor(data, training=True)
        self.device = device

    def __call__(self) -> float:
        """Seconds of a step."""
        self._wait()
        start = time.perf_counter()
        with self.optimizer.optim_context(self.model):
            losses = self.losses()
        loss, _ = self.model.parse_losses(losses)
        self.optimizer.update_params(loss)
        self._wait()
        return time.perf_counter() - start

    def losses(self) -> dict:
        """What the model returns for its batch."""
        return self.model.loss(**self.data)

    def _wait(self) -> None:
        if self.device.type == 'cuda':
            torch.cuda.synchronize()


def arguments(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line with the options that benchmarks of a step share; prints what they measure on."""
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--warm-up', type=int, default=2)
    parser.add_argument('--device', type=torch.device, default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={}, help=OPTIONS)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    use_gpu(args.device)
    name = torch.cuda.get_device_name() if args.device.type == 'cuda' else f'{processor()}, {cores()} cores'
    print(f'{name}, {torch.get_num_threads()} threads, torch {torch.__version__}, mmpose_kd {mmpose_kd.__version__}, '
          f'batch {args.batch_size}, {args.rounds} rounds')
    return args


def timed(steps: list, args: argparse.Namespace) -> np.ndarray:
    """Seconds of each step in each round (rounds, steps)."""
    for step in steps:
        for _ in range(args.warm_up):
            step()
    return np.array([[step() for step in steps] for _ in range(args.rounds)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', help='the first is the baseline')
    parser.add_argument('--data', action='store_true', help='real batches and teachers')
    args = arguments(parser)
    steps = [Step(config, args.batch_size, args.device, args.cfg_options, args.data) for config in args.configs]
    times = timed(steps, args)
    ratios = np.median(times / times[:, :1], axis=0)
    for step, median, ratio in zip(steps, np.median(times, axis=0), ratios):
        print(f'{step.name:60} {1000 * median:8.1f} ms  x {ratio:.2f}', flush=True)


if __name__ == '__main__':
    main()
