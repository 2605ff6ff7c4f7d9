"""The weights of the methods that Multi-KD is compared with, as configs/baselines/README.md states them."""
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from steps import one_step

from mmpose_kd.models.distillers.schedules import Progress, build_schedule

FOLDER = Path(__file__).parents[2] / 'configs'
EMBEDDED = 'resnet_hrnet-w8_synthetic-64x64'
PAIRS = [f'litehrnet18_hrnet-w32_{data}' for data in ('mpii-256x256', 'coco-256x192', 'lspet-128x128')] + [EMBEDDED]
pairs = pytest.mark.parametrize('pair', PAIRS)


def objectives(method, pair, folder='baselines'):
    return Config.fromfile(str(FOLDER / folder / f'{method}_{pair}.py')).model.objectives


@pairs
def test_kd_and_fitnet_have_multi_kds_own(pair):
    multi_kd = objectives('multi-kd', pair, 'multi_kd')
    kd, = objectives('kd', pair).values()
    hint, = objectives('fitnet', pair).values()
    assert kd == multi_kd.loss_vkd
    assert (hint.weight, MODELS.build(hint.loss).normalize) == (
        multi_kd.loss_fkd.weight, multi_kd.loss_fkd.get('loss', {}).get('normalize', 'none'))


@pairs
def test_at_has_1000_over_the_positions_of_each_map(pair):
    width, height = (int(side) for side in pair.rsplit('-', 1)[1].split('x')[::-1])
    stages = list(objectives('at', pair).values())
    assert len(stages) == (2 if pair == EMBEDDED else 3)
    for stride, stage in zip((8, 16, 32), stages):
        assert stage.weight == 1000 / ((height // stride) * (width // stride))


@pairs
def test_sp_has_3000_over_the_batch_size(pair):
    batch_size = Config.fromfile(str(FOLDER / f'baselines/sp_{pair}.py')).train_dataloader.batch_size
    assert [o.weight for o in objectives('sp', pair).values()] == [3000 / batch_size]


@pairs
def test_review_kd_reaches_1_after_a_twelfth_of_the_training(pair):
    review, = objectives('review-kd', pair).values()
    schedule = build_schedule(review.weight, 'weight')
    assert [schedule.value(Progress(i, 0, 1200, 12)) for i in (0, 50, 100, 1200)] == pytest.approx([0, 0.5, 1, 1])


def test_rkd_compares_three_persons(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    init_default_scope('mmpose')
    cfg = Config.fromfile(str(FOLDER / f'baselines/rkd_{EMBEDDED}.py'))
    logged, _ = one_step(cfg, tmp_path, batch_size=3)
    assert logged['train/loss_rkd'] > 0.01  # two persons have one distance and give 0
