"""One process of several; test_ranks.py runs this by torchrun and reads what each writes.

    ranks.py FOLDER CACHED_CONFIG CONFIG...

First each config's distiller computes losses and gradients of one batch of eight: once alone, and once with its share
of the batch, averaged over the processes. Then the processes make one teacher's cache together, and train with it.
"""
import copy
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS, MODELS
from torch.nn.modules.batchnorm import _BatchNorm

from mmpose_kd.cache import build_caches
from mmpose_kd.deploy.student import drop_initial_weights
from mmpose_kd.models.distillers.teachers import teachers_by_name

PERSONS = 8


def backward(losses):
    """Gradients of the sum of the losses; the losses, as numbers."""
    losses = {name: value for name, value in losses.items() if 'loss' in name}
    sum(losses.values()).backward()
    return {name: value.item() for name, value in losses.items()}


def prepared(cfg):
    """A distiller whose result depends on the batch alone, and the batch."""
    for teacher in teachers_by_name(cfg.model.get('teacher')).values():
        teacher.pop('checkpoint', None)
        teacher.allow_random_weights = True
    drop_initial_weights(cfg.model)
    for objective in cfg.model.objectives.values():
        objective.weight = 1.
    torch.manual_seed(0), np.random.seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    dataset = DATASETS.build({**cfg.train_dataloader.dataset, 'num_samples': PERSONS})
    model.load_teachers(dataset)
    model.train()
    for module in model.modules():  # its statistics are those of a process, with any method and without
        if isinstance(module, _BatchNorm):
            module.eval()
    data = model.data_preprocessor(pseudo_collate([dataset[i] for i in range(PERSONS)]), True)
    return model, data['inputs'], data['data_samples']


def compare(path):
    """Of one config: each loss alone and as the mean over the processes, and the difference of the gradients."""
    model, inputs, samples = prepared(Config.fromfile(path))
    distributed = MMDistributedDataParallel(copy.deepcopy(model), broadcast_buffers=False)
    alone = backward(model.loss(inputs, samples))
    share = PERSONS // dist.get_world_size()
    mine = slice(dist.get_rank() * share, (dist.get_rank() + 1) * share)
    shared = backward(distributed(inputs[mine], samples[mine], mode='loss'))
    means = torch.tensor([shared[name] for name in alone], dtype=torch.float64)
    dist.all_reduce(means)
    losses = {name: (value, mean / dist.get_world_size()) for (name, value), mean in zip(alone.items(), means.tolist())}
    pairs = [(p.grad, q.grad) for p, q in zip(model.parameters(), distributed.module.parameters()) if p.requires_grad]
    distance = sum(float((a - b).square().sum()) for a, b in pairs) ** 0.5
    return dict(losses=losses, gradients=distance / sum(float(a.square().sum()) for a, _ in pairs) ** 0.5)


def main(folder, cached, configs):
    dist.init_process_group('gloo')
    init_default_scope('mmpose')
    result = dict(systems={Path(path).stem.split('_')[0]: compare(path) for path in configs})
    build_caches(cached)
    dist.barrier()
    runner = Runner.from_cfg(Config.fromfile(cached))
    runner.train()
    weights = b''.join(value.detach().numpy().tobytes() for value in runner.model.parameters())
    result.update(steps=runner.iter, weights=hashlib.sha256(weights).hexdigest())
    (Path(folder) / f'rank{dist.get_rank()}.json').write_text(json.dumps(result))
    dist.destroy_process_group()


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
