"""Time our training step against what stock MMPose does for the same pair, interleaved in one process.

Rows: the stock student's step (SimCC head and labels, accuracy in NumPy); the same and a forward pass of the stock
teacher in float32; MMPose's DWPoseDistiller with its feature and logit losses; and each distilled config. The options
`--cfg-options` change all of them, those of teachers and objectives the distilled ones. Images are random, weights too.
The medians of all rounds are printed, and the median of each round's ratio to the second and third row, which other
work on the machine moves less. `--memory` prints what each adds to the memory of a process of its own at its peak, and
the ratio to the student's step.

    python benchmarks/stock_cost.py configs/students/litehrnet18_simdr_coco-256x192.py \
        configs/teachers/hrnet-w32_simdr_coco-256x192.py \
        configs/dwpose/dwpose-1_litehrnet18_hrnet-w32_coco-256x192.py --batch-size 8 \
        --cfg-options model.teacher.precision=bf16
"""
import argparse
import logging
import multiprocessing
import tempfile
from functools import partial
from pathlib import Path
from typing import Callable, Dict

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from step_cost import Step, arguments, join, read_row, sample, timed

from mmpose_kd.deploy.student import drop_initial_weights
from mmpose_kd.machine import memory, use_gpu


def stock(config: str, options: dict) -> Config:
    """A SimDR config with MMPose's SimCC head, labels and loss."""
    cfg = read_row(config, options)
    drop_initial_weights(cfg.model)
    codec = dict(cfg.model.head.decoder, type='SimCCLabel')
    stride = cfg.model.head.pop('in_stride')
    cfg.model.head.update(
        type='SimCCHead',
        input_size=codec['input_size'],
        in_featuremap_size=tuple(size // stride for size in codec['input_size']),
        simcc_split_ratio=codec['simcc_split_ratio'],
        deconv_out_channels=cfg.model.head.get('deconv_out_channels'),
        loss=dict(type='KLDiscretLoss', use_target_weight=True),
        decoder=codec)
    for transform in cfg.train_dataloader.dataset.pipeline:
        if transform['type'] == 'GenerateTarget':
            transform['encoder'] = codec
    return cfg


class StockStep(Step):
    """The stock student, alone or with a forward pass of the stock teacher before each step."""

    def __init__(self, student: str, teacher: str, batch_size: int, device: torch.device, options: dict) -> None:
        cfg = stock(student, options)
        self.name = 'stock student' + (' + stock teacher in float32' if teacher else '')
        self.teacher = MODELS.build(stock(teacher, {}).model).to(device).eval() if teacher else None
        self._prepare(cfg, MODELS.build(cfg.model), batch_size, device)

    def _prepare(self, cfg: Config, model: torch.nn.Module, batch_size: int, device: torch.device) -> None:
        data = pseudo_collate([sample(cfg, np.random.RandomState(i)) for i in range(batch_size)])
        self.model = model.to(device).train()
        self.optimizer = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.data = MODELS.build(cfg.model.data_preprocessor).to(device)(data, training=True)
        self.device = device

    def losses(self) -> dict:
        if self.teacher is not None:
            with torch.no_grad(), torch.autocast(self.device.type, enabled=False):  # the student's may be on
                self.teacher.head.forward(self.teacher.extract_feat(self.data['inputs']))
        return super().losses()


class DWPoseStep(StockStep):
    """MMPose's distiller: the last feature and the logits."""

    def __init__(self, student: str, teacher: str, batch_size: int, device: torch.device, options: dict) -> None:
        self.name, self.teacher = 'DWPoseDistiller', None
        cfg = stock(student, options)
        channels = [c.model.head.in_channels for c in (cfg, stock(teacher, {}))]
        methods = [
            dict(type='FeaLoss', name='loss_fea', use_this=True, student_channels=channels[0],
                 teacher_channels=channels[1], alpha_fea=7e-5),
            dict(type='KDLoss', name='loss_logit', use_this=True, weight=0.1)
        ]
        with tempfile.TemporaryDirectory() as folder:
            files = dict(student_cfg=f'{folder}/student.py', teacher_cfg=f'{folder}/teacher.py')
            cfg.dump(files['student_cfg'])
            stock(teacher, {}).dump(files['teacher_cfg'])
            model = MODELS.build(Config(dict(
                type='DWPoseDistiller', distill_cfg=[dict(methods=[m]) for m in methods], **files)))
        MessageHub.get_current_instance().update_info_dict(dict(epoch=0, max_epochs=1))
        self._prepare(cfg, model, batch_size, device)
        self.model.teacher.eval()  # MMPose's own lets train() reach it


def peak(make: Callable[[], Step], device: torch.device, queue: multiprocessing.Queue) -> None:
    """What two steps add to this process's memory, or to the device's, in MB."""
    logging.disable(logging.WARNING)
    init_default_scope('mmpose')
    use_gpu(device)
    cuda = device.type == 'cuda'
    before = 0.0 if cuda else memory('VmRSS')
    step = make()
    step(), step()
    queue.put(torch.cuda.max_memory_allocated(device) / 2**20 if cuda else memory('VmHWM') - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('student', help='config with a SimDR head')
    parser.add_argument('teacher', help='config with a SimDR head')
    parser.add_argument('distilled', nargs='+', help='configs of the pair')
    parser.add_argument('--memory', action='store_true')
    parser.add_argument('--no-dwpose', action='store_true', help='where the last maps of the two differ in size')
    args = arguments(parser)
    init_default_scope('mmpose')
    settings = (args.batch_size, args.device, args.cfg_options)
    makers: Dict[str, Callable[[], Step]] = {
        'stock student': partial(StockStep, args.student, '', *settings),
        'stock student + stock teacher in float32': partial(StockStep, args.student, args.teacher, *settings),
    }
    if not args.no_dwpose:
        makers['DWPoseDistiller'] = partial(DWPoseStep, args.student, args.teacher, *settings)
    for config in [args.student, *args.distilled]:
        makers[Path(config).stem] = partial(Step, config, *settings)
    if args.memory:
        context = multiprocessing.get_context('spawn')
        peaks = {}
        for name, make in makers.items():
            queue = context.Queue()
            process = context.Process(target=peak, args=(make, args.device, queue))
            process.start()
            join([process], name)
            peaks[name] = queue.get()
            print(f'{name:60} {peaks[name]:8.0f} MB  x {peaks[name] / peaks["stock student"]:.2f}', flush=True)
        return
    times = timed([make() for make in makers.values()], args)
    references = times[:, 1:3 - args.no_dwpose]
    print(f'{"":60}          ms  to student + teacher' + ('' if args.no_dwpose else ', DWPose'))
    for name, column in zip(makers, times.T):
        ratios = np.median(column[:, None] / references, axis=0)
        print(f'{name:60} {1000 * np.median(column):8.1f}      ' + '      '.join(f'{r:.2f}' for r in ratios))


if __name__ == '__main__':
    main()
