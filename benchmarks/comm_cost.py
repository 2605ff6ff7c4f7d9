"""Bytes that each process hands to the others in a training step of several configs, under MMEngine's DDP.

Random images, random weights, gloo on the CPU; the first config is the baseline. What DDP reduces is counted bucket by
bucket, every other collective by its arguments. The parameters that only training needs (connectors) are listed apart.
`--data` takes batches from each config's own training set and teachers from their checkpoints, as a cached one needs.

    python benchmarks/comm_cost.py configs/students/NAME.py configs/multi_kd/NAME.py --processes 2 4
"""
import argparse
import logging
import multiprocessing
import tempfile
from pathlib import Path
from typing import List

import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import init_default_scope
from step_cost import OPTIONS, Step, join
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

from mmpose_kd.cli import CfgOptions

COLLECTIVES = ('all_reduce', 'broadcast', 'reduce', 'all_gather', 'gather', 'scatter', 'reduce_scatter', 'all_to_all',
               'all_gather_into_tensor', 'reduce_scatter_tensor')


class Count:
    """Bytes that this process hands to collectives, and how many of them are gradients."""

    def __init__(self) -> None:
        self.gradients = self.all = 0
        for name in COLLECTIVES:
            setattr(dist, name, self._counted(getattr(dist, name)))

    def hook(self, group, bucket):
        """DDP's own reduction of a bucket of gradients."""
        self.gradients += bucket.buffer().nbytes
        return allreduce_hook(group, bucket)

    def _counted(self, function):

        def counted(*args, **kwargs):
            tensors = [t for a in (*args, *kwargs.values()) for t in (a if isinstance(a, (list, tuple)) else [a])]
            self.all += sum(t.nbytes for t in tensors if isinstance(t, torch.Tensor))
            return function(*args, **kwargs)

        return counted


def work(rank: int, world: int, file: str, configs: List[str], batch_size: int, options: dict, real: bool,
         queue) -> None:
    """One of the processes; the first reports."""
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    init_default_scope('mmpose')
    dist.init_process_group('gloo', init_method=f'file://{file}', rank=rank, world_size=world)
    count = Count()
    for config in configs:
        step = Step(config, batch_size, torch.device('cpu'), options, real)
        model = MMDistributedDataParallel(step.model, broadcast_buffers=False)  # as MMEngine's runner
        model.register_comm_hook(None, count.hook)
        for _ in range(2):  # DDP arranges its buckets in the first
            count.gradients = count.all = 0
            with step.optimizer.optim_context(model):
                losses = model(**step.data, mode='loss')
            loss, _ = step.model.parse_losses(losses)
            step.optimizer.update_params(loss)
        if rank == 0:
            extra = sum(p.nbytes for p in getattr(step.model, 'objectives', torch.nn.Module()).parameters())
            queue.put((step.name, count.gradients, extra, count.all - count.gradients))
        dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', help='the first is the baseline')
    parser.add_argument('--processes', type=int, nargs='+', default=[2, 4])
    parser.add_argument('--batch-size', type=int, default=2, help='of each process')
    parser.add_argument('--data', action='store_true', help='real batches and teachers')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, default={}, help=OPTIONS)
    args = parser.parse_args()
    context = multiprocessing.get_context('spawn')
    for world in args.processes:
        queue = context.Queue()
        with tempfile.TemporaryDirectory() as folder:
            processes = [
                context.Process(
                    target=work, args=(rank, world, str(Path(folder) / 'group'), args.configs, args.batch_size,
                                       args.cfg_options, args.data, queue)) for rank in range(world)
            ]
            for process in processes:
                process.start()
            join(processes, f'{world} processes')
        for _ in args.configs:
            name, gradients, extra, others = queue.get(timeout=60)
            print(f'{world} processes  {name:60} gradients {gradients / 1e6:7.3f} MB, of connectors {extra / 1e6:7.3f} '
                  f'MB, other collectives {others} bytes', flush=True)


if __name__ == '__main__':
    main()
