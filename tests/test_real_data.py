"""Multi-KD on real photographs, for a step each.

They come from the folder that the environment variable MMPOSE_KD_DATA names: coco_mini, mpii_mini, crowdpose_mini and
lspet, each with annotations/ and images/. What is absent is skipped, all where the variable is not set.
"""
import math
import os
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from steps import one_step

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get('MMPOSE_KD_DATA', ''))
CONFIG = 'configs/multi_kd/multi-kd_litehrnet18_hrnet-w32_{}.py'
BOX_PCK = dict(type='PCKAccuracy', thr=0.5, norm_item='bbox')  # where no head boxes are at hand

# folder: config, files for training and validation, and what validation reports
SETS = dict(
    coco_mini=('coco-256x192', 'person_keypoints_mini.json', 'person_keypoints_mini.json', 'coco/AP'),
    mpii_mini=('mpii-256x256', 'mpii_mini.json', 'mpii_mini.json', 'PCK'),
    crowdpose_mini=('crowdpose-256x192', 'crowdpose_mini.json', 'crowdpose_mini.json', 'crowdpose/AP'),
    lspet=('lspet-128x128', 'lspet_train.json', 'lspet_val.json', 'PCK'),
)


def on_real_data(folder):
    """The folder's config, reading its files."""
    data, train, val, _ = SETS[folder]
    cfg = Config.fromfile(str(ROOT / CONFIG.format(data)))
    for loader, file in (('train_dataloader', train), ('val_dataloader', val)):
        dataset = cfg[loader].dataset
        dataset.update(data_root=str(DATA / folder), ann_file=f'annotations/{file}', data_prefix=dict(img='images/'))
        dataset.pop('bbox_file', None)
        if dataset.pop('headbox_file', None):
            cfg.val_evaluator = BOX_PCK
    for evaluator in cfg.val_evaluator if isinstance(cfg.val_evaluator, list) else [cfg.val_evaluator]:
        if 'ann_file' in evaluator:
            evaluator.ann_file = str(DATA / folder / 'annotations' / val)
    return cfg


@pytest.mark.parametrize('folder', SETS)
def test_multi_kd_runs_on_real_images(folder, tmp_path):
    if not os.environ.get('MMPOSE_KD_DATA'):
        pytest.skip(f'MMPOSE_KD_DATA is not set; it names the folder that holds {folder}')
    if not (DATA / folder).is_dir():
        pytest.skip(f'{DATA / folder} is absent; MMPOSE_KD_DATA names the folder that holds {folder}')
    init_default_scope('mmpose')
    logged, _ = one_step(on_real_data(folder), tmp_path)
    for name in ('loss_kpt', 'loss_fkd', 'loss_vkd'):
        assert math.isfinite(logged[f'train/{name}']) and logged[f'train/{name}'] > 0
    assert 0 <= logged[f'val/{SETS[folder][-1]}'] <= 1
