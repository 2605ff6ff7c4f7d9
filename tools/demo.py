"""Train a teacher, a student alone, and the same student with Multi-KD on drawn people, and compare them.

Everything goes to ``--work-dir``, as a study has it. What a finished run left there is used again, and a run that was
stopped is resumed.
"""
import argparse
from pathlib import Path
from typing import Any, Dict, List

import mmpose_kd  # noqa: F401  isort: skip  repairs the environment before MMPose is imported
import cv2
import torch
from mmengine.runner import Runner

from mmpose_kd.benchmark import benchmark, conditions, report, write_benchmark
from mmpose_kd.cli import for_the_user
from mmpose_kd.deploy import deployed_student
from mmpose_kd.errors import make_folder
from mmpose_kd.files import whole
from mmpose_kd.study import Plan, check_results, collect, plan_of, train_all, write_results
from mmpose_kd.study.state import checkpoint_of
from mmpose_kd.visualization import pose_grid


def demo(seeds: List[int]) -> Dict[str, Any]:
    """The study: what a study file of it would say, beside this one."""
    return dict(
        title='Multi-KD on drawn people',
        seeds=seeds,
        baseline='student',
        metrics={'pck@0.05/PCK': 'PCK@0.05', 'pck@0.2/PCK': 'PCK@0.2', 'coco/AP': 'AP'},
        runs=dict(
            teacher=dict(config='../configs/teachers/hrnet-w8_simdr_synthetic-64x64.py', seeds=[0], baseline='teacher'),
            student=dict(config='../configs/students/resnet_simdr_synthetic-64x64.py'),
            distilled=dict(
                label='student + Multi-KD',
                config='../configs/multi_kd/multi-kd_resnet_hrnet-w8_synthetic-64x64.py',
                cfg_options={
                    'model.teacher.checkpoint': '{checkpoint:teacher}', 'model.teacher.report_metric': False})))


def measure(plan: Plan, out: Path) -> None:
    """Print and write parameters, operations and latency of teacher and student."""
    configs = {run.name: str(run.config) for run in plan.runs if run.name != 'distilled'}
    rows, facts = benchmark(list(configs.values()), threads=1), conditions('cpu', 1)
    write_benchmark(rows, facts, out)
    print(report(rows, facts))


def draw(plan: Plan, out: Path, count: int = 6) -> Path:
    """Draw the poses of the labels and of each model's first seed for the first validation images."""
    models = {run.label: deployed_student(run.cfg(), str(checkpoint_of(run, out))) for run in plan.runs[:3]}
    loader = Runner.build_dataloader(
        dict(plan.runs[0].cfg().val_dataloader, batch_size=count, num_workers=0, persistent_workers=False))
    batch = next(iter(loader))
    samples = batch['data_samples']
    images = [loader.dataset.get_data_info(i)['img'][..., ::-1].copy() for i in range(count)]
    poses = {'labels': [s.gt_instances.keypoints[0] for s in samples]}
    for name, model in models.items():
        with torch.no_grad():
            poses[name] = [s.pred_instances.keypoints[0] for s in model.test_step(batch)]
    visible = [s.gt_instances.keypoints_visible[0] > 0 for s in samples]
    path = out / 'poses.png'
    with whole(path) as part:
        cv2.imwrite(str(part), pose_grid(images, poses, visible, loader.dataset.metainfo)[..., ::-1])
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'),
                        help='folder of the runs (default: %(default)s)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='seeds of the student runs')
    parser.add_argument('--redo', action='store_true', help='train anew what was trained with another config')
    args = parser.parse_args()
    with for_the_user('stopped; the same command goes on from here'):
        out = make_folder(args.work_dir, '--work-dir')
        plan = plan_of(demo(args.seeds), __file__)
        check_results(plan, out)
        failed = train_all(plan, out, redo=args.redo, finished=lambda: write_results(collect(plan, out), out))
        write_results(collect(plan, out), out)
        print((out / 'results.md').read_text())
        if failed:
            raise SystemExit(f'error: {failed[0].name}, seed {failed[0].seed}, could not be trained.')
        measure(plan, out)
        print(f'\ntables and plot in {out}, poses in {draw(plan, out)}')


if __name__ == '__main__':
    main()
