"""Stock MMPose does with mmpose_kd imported what it does without, bit for bit."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import samples

STOCK = Path(__file__).with_name('stock')
MODELS = ('hrnet', 'mobilenetv2', 'td-hm_res50', 'simcc_res50', 'rtmpose-t')


def digest(folder, *package, **env):
    """What stock/digest.py finds in a process of its own."""
    command = [sys.executable, '-W', 'ignore', str(STOCK / 'digest.py'), str(folder), *package]
    env = {**os.environ, 'OMP_NUM_THREADS': '1', **env}
    result = subprocess.run(command, text=True, capture_output=True, env=env)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture(scope='module')
def stock(tmp_path_factory):
    """MMPose alone; where it cannot be imported alone, with the operators that its imports want declared."""
    folder = tmp_path_factory.mktemp('stock')
    samples.write_datasets(folder / 'data')
    found = digest(folder, PYTHONPATH=str(STOCK), STOCK_ONLY='1')
    assert len(found['models']) == len(MODELS) and not found['beside']
    return found


@pytest.fixture(scope='module', params=['on', 'off'])
def beside(request, tmp_path_factory):
    """MMPose with mmpose_kd imported first, its repairs on or off."""
    folder = tmp_path_factory.mktemp(request.param)
    samples.write_datasets(folder / 'data')
    env = dict(MMPOSE_KD_COMPAT='on') if request.param == 'on' else dict(MMPOSE_KD_COMPAT='off', PYTHONPATH=str(STOCK))
    found = digest(folder, 'mmpose_kd', **env)
    assert found['beside']
    return found


@pytest.mark.parametrize('name', MODELS)
def test_models_of_the_zoo_compute_the_same(name, stock, beside):
    (config, expected), = [(config, found) for config, found in stock['models'].items() if name in config]
    assert set(expected) == {'state_dict', 'predictions', 'losses', 'gradients'}
    assert beside['models'][config] == expected


def test_a_training_leaves_the_same_checkpoint(stock, beside):
    assert {'state_dict', 'ema_state_dict', 'optimizer'} <= set(stock['training']['keys'])
    assert beside['training'] == stock['training']


def test_every_stock_name_stands_for_the_same_class(stock, beside):
    assert len(stock['parts']) > 300
    assert {name: beside['parts'].get(name) for name in stock['parts']} == stock['parts']
