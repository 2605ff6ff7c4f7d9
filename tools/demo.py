"""Train a teacher, a student alone, and the same student with Multi-KD on drawn people, and compare them.

Everything goes to ``--work-dir``. What a finished run left there is used again, and a run that was stopped is resumed.
"""
import argparse
import json
import statistics
import sys
import time
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Dict, Iterator, List, Optional

import mmpose_kd  # noqa: F401  isort: skip  repairs the environment before MMPose is imported
import cv2
import torch
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from rich.console import Console
from rich.progress import TextColumn
from rich.table import Table

from mmpose_kd.checkpoint import last_checkpoint
from mmpose_kd.cli import for_the_user
from mmpose_kd.deploy import deployed_student
from mmpose_kd.errors import make_folder
from mmpose_kd.files import whole
from mmpose_kd.progress import progress_bar
from mmpose_kd.study.state import forget_last_epoch
from mmpose_kd.summary import markdown
from mmpose_kd.visualization import pose_grid

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'
TEACHER, STUDENT, DISTILLED = 'teacher', 'student', 'student + Multi-KD'
RUNS = {
    TEACHER: 'teachers/hrnet-w8_simdr_synthetic-64x64.py',
    STUDENT: 'students/resnet_simdr_synthetic-64x64.py',
    DISTILLED: 'multi_kd/multi-kd_resnet_hrnet-w8_synthetic-64x64.py',
}
METRICS = ('pck@0.05/PCK', 'pck@0.2/PCK', 'coco/AP')
console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)


@HOOKS.register_module()
class ShowProgress(Hook):
    """A progress bar with the time that remains, and a line for every validation."""

    def __init__(self, title: str) -> None:
        self.title = title

    def before_train(self, runner: Runner) -> None:
        self.bar = progress_bar(console, TextColumn('{task.fields[state]}'), redirect_stdout=False,
                                redirect_stderr=False)
        self.task = self.bar.add_task(f'{self.title:22} steps', total=runner.max_iters, completed=runner.iter, state='')
        self.bar.start()

    def after_train_iter(self, runner: Runner, *args, **kwargs) -> None:
        self.bar.advance(self.task)

    def after_val_epoch(self, runner: Runner, metrics: Optional[Dict[str, float]] = None) -> None:
        state = f'PCK@0.05 {100 * metrics[METRICS[0]]:.1f}'
        self.bar.update(self.task, state=state)
        if not console.is_terminal:  # no bar is drawn into a file
            left = self.bar.tasks[0].time_remaining
            console.print(f'{self.title}: epoch {runner.epoch} of {runner.max_epochs}, {state}, {left or 0:.0f} s left')

    def after_train(self, runner: Runner) -> None:
        self.bar.stop()


@contextmanager
def quiet(path: Path) -> Iterator[None]:
    """Send what libraries print to a file."""
    with open(path, 'a') as log, redirect_stdout(log), redirect_stderr(log):
        yield


def load_config(name: str, seed: int, root: Path) -> Config:
    """The shipped config of a run, with its folder, its seed and, for the student, its teacher."""
    cfg = Config.fromfile(str(CONFIGS / RUNS[name]))
    cfg.work_dir = str(folder(root, name, seed))
    cfg.randomness = dict(seed=seed)
    cfg.log_level = 'WARNING'
    cfg.experiment_name = Path(cfg.work_dir).name
    cfg.visualizer.name = cfg.experiment_name  # runs of one process would share one, and its log
    cfg.resume = True
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='ShowProgress', title=f'{name}, seed {seed}')]
    if name == DISTILLED:
        cfg.model.teacher.checkpoint = str(last_checkpoint(folder(root, TEACHER, 0)))
        cfg.model.teacher.report_metric = False
    return cfg


def folder(root: Path, name: str, seed: int) -> Path:
    return root / f'{Path(RUNS[name]).stem}_seed{seed}'


def train(name: str, seed: int, root: Path) -> Dict[str, float]:
    """Train one model, unless that is done, and return its metrics on the validation set."""
    cfg = load_config(name, seed, root)
    result, plan = Path(cfg.work_dir) / 'metrics.json', Path(cfg.work_dir) / 'plan.txt'
    settings = cfg.pretty_text
    if result.is_file() and plan.is_file() and plan.read_text() == settings:
        console.print(f'{name}, seed {seed}: taken from {result}', soft_wrap=True)
        return json.loads(result.read_text())
    if plan.is_file() and plan.read_text() != settings:
        raise SystemExit(f'error: {cfg.work_dir} holds a run with other settings. Name another --work-dir, or delete '
                         'that folder.')
    Path(cfg.work_dir).mkdir(parents=True, exist_ok=True)
    with whole(plan) as part:
        part.write_text(settings)
    forget_last_epoch(Path(cfg.work_dir), cfg.train_cfg.max_epochs)  # where it was stopped in the last validation
    spent = Path(cfg.work_dir) / 'seconds.txt'  # over all attempts
    before = float(spent.read_text()) if spent.is_file() else 0.0
    with quiet(Path(cfg.work_dir) / 'train.log'):
        runner = Runner.from_cfg(cfg)
        begin = time.time()
        try:
            runner.train()
        finally:
            with whole(spent) as part:
                part.write_text(str(before + time.time() - begin))
    metrics = {key: float(runner.message_hub.get_scalar(f'val/{key}').current()) for key in METRICS}
    metrics['seconds'] = float(spent.read_text())
    with whole(result) as part:
        part.write_text(json.dumps(metrics, indent=1))
    return metrics


def load_model(name: str, root: Path) -> torch.nn.Module:
    """A trained model of seed 0 as it is deployed."""
    return deployed_student(Config.fromfile(str(CONFIGS / RUNS[name])), str(last_checkpoint(folder(root, name, 0))))


def cost(name: str, root: Path) -> Dict[str, float]:
    """Parameters in millions, GMACs, and the median latency of one image in milliseconds."""
    model = load_model(name, root)
    size = model.head.decoder.input_size
    image = torch.zeros(1, 3, size[1], size[0])
    model.forward = model._forward  # takes the image alone
    counts = get_model_complexity_info(model, inputs=(image, ), show_table=False, show_arch=False)
    times = []
    with torch.no_grad():
        for _ in range(60):
            begin = time.perf_counter()
            model(image)
            times.append(time.perf_counter() - begin)
    return dict(params=counts['params'] / 1e6, gmacs=counts['flops'] / 1e9, latency=1e3 * statistics.median(times[10:]))


def draw(root: Path, count: int = 6) -> Path:
    """Draw the poses of the labels and of each model for the first validation images."""
    models = {name: load_model(name, root) for name in RUNS}
    cfg = Config.fromfile(str(CONFIGS / RUNS[STUDENT]))
    loader = Runner.build_dataloader(
        dict(cfg.val_dataloader, batch_size=count, num_workers=0, persistent_workers=False))
    batch = next(iter(loader))
    samples = batch['data_samples']
    images = [loader.dataset.get_data_info(i)['img'][..., ::-1].copy() for i in range(count)]
    poses = {'labels': [s.gt_instances.keypoints[0] for s in samples]}
    for name, model in models.items():
        with torch.no_grad():
            poses[name] = [s.pred_instances.keypoints[0] for s in model.test_step(batch)]
    visible = [s.gt_instances.keypoints_visible[0] > 0 for s in samples]
    path = root / 'poses.png'
    with whole(path) as part:
        cv2.imwrite(str(part), pose_grid(images, poses, visible, loader.dataset.metainfo)[..., ::-1])
    return path


def report(results: Dict[str, List[Dict[str, float]]], root: Path) -> None:
    """Print and write the table."""
    table = Table('model', 'PCK@0.05', 'PCK@0.2', 'AP', 'params (M)', 'GMACs', 'latency (ms)', 'training (s)')
    rows = []
    for name, runs in results.items():
        with quiet(root / 'report.log'):
            costs = cost(name, root)
        values = [_mean_std([100 * r[key] for r in runs]) for key in METRICS]
        rows.append([name, *values, f'{costs["params"]:.2f}', f'{costs["gmacs"]:.3f}', f'{costs["latency"]:.1f}',
                     f'{statistics.mean(r["seconds"] for r in runs):.0f}'])
    pairs = list(zip(results[DISTILLED], results[STUDENT]))
    rows.append(['difference', *(_mean_std([100 * (a[key] - b[key]) for a, b in pairs], '+') for key in METRICS),
                 '', '', '', ''])
    for row in rows:
        table.add_row(*row)
    console.print(table)
    header = [column.header for column in table.columns]
    with whole(root / 'results.md') as part:
        part.write_text('\n'.join(markdown([header, *rows])) + '\n')
    with whole(root / 'results.json') as part:
        part.write_text(json.dumps(results, indent=1))


def _mean_std(values: List[float], sign: str = '') -> str:
    mean = f'{statistics.mean(values):{sign}.1f}'
    return f'{mean} ± {statistics.stdev(values):.1f}' if len(values) > 1 else mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'),
                        help='folder of the runs (default: %(default)s)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='seeds of the student runs')
    args = parser.parse_args()
    warnings.filterwarnings('ignore', 'The metainfo config file')
    with for_the_user('stopped; the same command goes on from here'):
        root = make_folder(args.work_dir.resolve(), '--work-dir')
        if min(args.seeds) < 0:
            sys.exit(f'error: --seeds {min(args.seeds)}: expected whole numbers of at least 0.')
        results = {TEACHER: [train(TEACHER, 0, root)], STUDENT: [], DISTILLED: []}
        for seed in args.seeds:
            for name in (STUDENT, DISTILLED):
                results[name].append(train(name, seed, root))
        report(results, root)
        with quiet(root / 'report.log'):
            pictures = draw(root)
    console.print(f'table {root / "results.md"}, pictures {pictures}', soft_wrap=True)


if __name__ == '__main__':
    main()
