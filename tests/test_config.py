"""Configs that somebody names."""
import inspect
import re

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmpose_kd.config import merge_options, read_config
from mmpose_kd.errors import ConfigError


@pytest.fixture
def file(tmp_path):
    """A function that writes a config of some text."""

    def write(text):
        (tmp_path / 'a.py').write_text(text)
        return tmp_path / 'a.py'

    return write


def test_options_change_what_is_there_and_add_what_a_runner_reads(file):
    cfg = read_config(file("mine = 1\ntrain_cfg = dict(by_epoch=True, max_epochs=2)"),
                      {'train_cfg.max_epochs': 3, 'load_from': 'a.pth', 'mine': 2})
    assert cfg.to_dict() == dict(mine=2, train_cfg=dict(by_epoch=True, max_epochs=3), load_from='a.pth')


def test_a_config_of_a_package_is_read():
    name = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py'
    assert read_config(name, {'train_cfg.max_epochs': 3}).train_cfg.max_epochs == 3


@pytest.mark.parametrize('text, options, message', [
    (None, {}, 'config ".*a.py" does not exist'),
    ('model = dict(', {}, 'config ".*a.py" cannot be read: SyntaxError: '),
    ('raise KeyError("DATA")', {}, "config \".*a.py\" cannot be read: .*'DATA'"),
    ('', {'optim_wraper.optimizer.lr': 1}, 'the option optim_wraper.optimizer.lr .* Did you mean .optim_wrapper'),
    ('val_dataloader = dict(dataset=dict())', {'val_dataloader.datset.data_root': 'a'},
     'val_dataloader "datset", which it does not take. Did you mean .dataset.'),
    ('model = dict(depth=18)', {'model.depth.x': 1}, 'its options cannot be applied: .*depth'),
    ('model = [1]', {'model.3': 1}, 'its options cannot be applied: .*Index 3 exceeds'),
])
def test_mistakes_are_named(text, options, message, file, tmp_path):
    with pytest.raises(ConfigError, match=message):
        read_config(tmp_path / 'a.py' if text is None else file(text), options)


def test_absent_config_of_a_package_is_named():
    with pytest.raises(ConfigError, match='config "mmpose::body/absent.py" does not exist: '):
        read_config('mmpose::body/absent.py')


def test_all_that_the_runner_reads_of_a_config_may_be_an_option():
    read = re.findall(r"self\.cfg\.get\(\s*'(\w+)'", inspect.getsource(Runner))
    cfg = Config(dict(model=dict(type='TopdownPoseEstimator')))
    assert 'sync_bn' in read
    for key in read:
        merge_options(cfg, {key: True}, 'config.py')
