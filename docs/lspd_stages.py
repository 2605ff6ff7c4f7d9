"""How good each stage of a trained LSPD is: whether the last has something to teach the first.

    python docs/lspd_stages.py work_dirs/lspd/runs/lspd/seed_0
"""
import sys
from pathlib import Path
from typing import List, Sequence

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from mmpose_kd.checkpoint import last_checkpoint, load_checkpoint, state_dict_of
from mmpose_kd.datasets.samples import validation_samples, validation_set
from mmpose_kd.deploy import check

BATCH = 100


def main(folder: str) -> None:
    init_default_scope('mmpose')
    cfg = Config.fromfile(str(next(Path(folder).glob('*.py'))))
    checkpoint = load_checkpoint(str(last_checkpoint(Path(folder))))
    model = MODELS.build(cfg.model)
    model.load_state_dict(state_dict_of(checkpoint))
    model.load_distillation_state(checkpoint['distillation'])
    samples = validation_samples(cfg, len(validation_set(cfg)))
    for stage, accuracy in enumerate(by_stage(model, samples), start=1):
        print(f'stage {stage}: {100 * accuracy:.1f} PCK@0.2')


@torch.no_grad()
def by_stage(model: torch.nn.Module, samples: Sequence[dict]) -> List[float]:
    """PCK@0.2 of every stage's heatmaps, with the statistics of evaluation."""
    model.eval()
    model.backbone.training = model.head.training = True  # of these two alone: they return all stages then
    batches = [samples[i:i + BATCH] for i in range(0, len(samples), BATCH)]
    stages = zip(*(model.head.forward(model.extract_feat(check.preprocessed(model, batch))) for batch in batches))
    model.eval()
    decoded = ([check.decode_raw(model, dict(heatmaps=part.numpy())) for part in stage] for stage in stages)
    return [check.pck(check.joined(parts), samples) for parts in decoded]


if __name__ == '__main__':
    main(*sys.argv[1:]) if len(sys.argv) == 2 else sys.exit(__doc__)
