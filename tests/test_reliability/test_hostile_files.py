"""Files that try to run code, wherever a config names them, and paths that lead out of a folder."""
import os
import sys

import numpy as np
import pytest
import tiny
import torch

from mmpose_kd.cache import build_caches
from mmpose_kd.cli import run_mmpose_tool
from mmpose_kd.config import load_config
from mmpose_kd.errors import ConfigError
from mmpose_kd.models.distillers.teacher import Teacher
from mmpose_kd.models.distillers.teacher_cache import TeacherCache
from mmpose_kd.study import load_plan

CODE = 'import os; os.mkdir("hacked")'


class Hostile:
    """Makes a folder when a plain ``pickle.load`` meets it."""

    def __reduce__(self):
        return os.mkdir, ('hacked', )


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True))
    weights = tiny.build(tiny.pose_model()).state_dict()
    torch.save(dict(state_dict=weights, meta=dict(epoch=1, iter=2), hook=Hostile()), tmp_path / 'bad.pth')
    return tmp_path


@pytest.mark.skipif(not hasattr(torch.serialization, 'add_safe_globals'),
                    reason='this PyTorch loads load_from, resume and init_cfg by pickle, through MMEngine')
@pytest.mark.parametrize('changes', [
    {'load_from': 'bad.pth'},
    {'load_from': 'bad.pth', 'resume': True},
    {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='bad.pth', prefix='backbone.')},
], ids=['load_from', 'resume', 'init_cfg'])
def test_a_checkpoint_with_code_is_refused_and_named(work, monkeypatch, changes):
    refused(work, monkeypatch, changes)


def test_a_teacher_with_code_is_refused_and_named(work, monkeypatch):
    refused(work, monkeypatch, {'model.teacher.checkpoint': 'bad.pth', 'model.teacher.allow_random_weights': False})


def test_code_in_the_meta_of_a_checkpoint_is_not_run_when_it_is_resumed(work):
    cfg = tiny.runner_cfg(tiny.pose_model(), work / 'run', epochs=2)
    tiny.run(cfg)
    file = work / 'run' / 'epoch_1.pth'
    checkpoint = torch.load(file, weights_only=False)
    checkpoint['meta']['config'] = CODE
    torch.save(checkpoint, file)
    assert tiny.run(cfg, resume=True, load_from=str(file)).epoch == 2
    assert not (work / 'hacked').exists()


def test_a_file_that_a_checkpoint_names_is_not_run(work):
    (work / 'bad.py').write_text(CODE)
    weights = tiny.build(tiny.pose_model()).state_dict()
    torch.save(dict(state_dict=weights, meta=dict(dataset_meta=dict(from_file='bad.py'))), work / 'named.pth')
    assert Teacher(tiny.pose_model(), str(work / 'named.pth')).metainfo is None
    assert not (work / 'hacked').exists()


@pytest.mark.parametrize('url', ['https://example.com/t.py', 'http://127.0.0.1:9/t.py', 'file:///tmp/t.py'])
def test_a_config_from_the_network_is_never_run(url, monkeypatch, work):
    model = dict(tiny.pose_model(), type='MultiKDDistiller', teacher=dict(config=url, allow_random_weights=True),
                 objectives=dict(loss_kd=dict(type='OutputObjective')))
    with pytest.raises(ConfigError, match=f'model.teacher: config="{url}": a config is Python code, and none is run'):
        tiny.build(model)


def test_a_base_from_the_network_is_not_read(work):
    (work / 'cfg.py').write_text("_base_ = 'https://example.com/t.py'\nmodel = dict(type='TopdownPoseEstimator')")
    with pytest.raises(ConfigError, match='cfg.py" does not exist|example.com'):
        load_config(str(work / 'cfg.py'))


def cached(work):
    """A config with a cache for two views."""
    model = dict(tiny.pose_model(), type='MultiKDDistiller', objectives=dict(loss_kd=dict(type='OutputObjective')),
                 teacher=dict(config=tiny.pose_model(8), allow_random_weights=True, cache=str(work / 'cache')))
    cfg = tiny.runner_cfg(model, work / 'run', samples=2)
    cfg.train_dataloader.dataset = dict(type='ViewDataset', num_views=1, dataset=cfg.train_dataloader.dataset)
    cfg.dump(str(work / 'cfg.py'))
    return str(work / 'cfg.py')


@pytest.mark.parametrize('name', ['00000.npy', '00000.json', '00000.lock'])
def test_a_cache_does_not_follow_a_link_out_of_its_folder(work, name):
    (work / 'cache').mkdir()
    (work / 'precious').write_text('years of work')
    os.symlink(work / 'precious', work / 'cache' / name)
    with pytest.raises(ConfigError, match=rf'{name} is a link that leads out of the cache, to ".*precious"'):
        build_caches(cached(work))
        TeacherCache(str(work / 'cache')).read([0])
    assert (work / 'precious').read_text() == 'years of work'


@pytest.mark.parametrize('content', ['', '[]', '{"format": 1}', '{"crc32'])
@pytest.mark.parametrize('name', ['cache.json', '00000.json'])
def test_a_damaged_index_is_named(work, name, content):
    TeacherCache.create(str(work), dict(outputs=(2, )), 1, {}).write(0, [dict(outputs=np.zeros((1, 2)))])
    (work / name).write_text(content)
    with pytest.raises(ConfigError, match=f'{name} is damaged'):
        TeacherCache(str(work)).read([0])


@pytest.mark.parametrize('array, message', [
    (np.zeros((2, 1), np.float16), '00000.npy is damaged'), (np.zeros((1, 1), np.float32), '00000.npy is damaged'),
    (np.zeros((1, 3), np.float16), '00000.npy has 134 bytes, expected 132'),
    (np.zeros((5, 2), np.float16), '00000.npy has 148 bytes, expected 132'),
    (np.array([{}]), r'00000.npy has \d+ bytes, expected 132')], ids=['shape', 'dtype', 'columns', 'rows', 'pickle'])
def test_a_file_of_another_shape_is_named(work, array, message):
    TeacherCache.create(str(work), dict(outputs=(2, )), 1, {}).write(0, [dict(outputs=np.zeros((1, 2)))])
    np.save(work / '00000.npy', array, allow_pickle=True)
    with pytest.raises(ConfigError, match=message):
        TeacherCache(str(work)).read([0])


@pytest.mark.parametrize('name', ['../x', '/tmp/x', 'a/../../x', '..', '.', 'a/b'])
def test_a_run_of_a_study_stays_in_its_folder(work, name):
    (work / 'alone.py').write_text("model = dict(type='TopdownPoseEstimator')")
    (work / 'study.py').write_text(f"""seeds = [0]
baseline = {name!r}
metrics = dict(PCK='PCK')
runs = {{{name!r}: dict(config='alone.py')}}""")
    with pytest.raises(ConfigError, match='the run would train outside of its own folder'):
        load_plan(str(work / 'study.py'))


@pytest.mark.parametrize('seed', ['../../x', 1.5, True])
def test_a_seed_is_a_number(work, seed):
    (work / 'alone.py').write_text("model = dict(type='TopdownPoseEstimator')")
    (work / 'study.py').write_text(f"""seeds = [{seed!r}]
baseline = 'alone'
metrics = dict(PCK='PCK')
runs = dict(alone=dict(config='alone.py'))""")
    with pytest.raises(ConfigError, match=r'runs\.alone: seed=.*: expected a whole number'):
        load_plan(str(work / 'study.py'))


def refused(work, monkeypatch, changes):
    model = dict(
        tiny.pose_model(), type='MultiKDDistiller',
        teacher=dict(config=tiny.pose_model(), allow_random_weights=True, report_metric=False),
        objectives=dict(loss_kd=dict(type='OutputObjective')))
    cfg = tiny.runner_cfg(model, work / 'run', epochs=1)
    cfg.custom_imports = dict(imports=['mmpose_kd'])
    cfg.merge_from_dict(changes)
    cfg.dump(str(work / 'cfg.py'))
    monkeypatch.setattr(sys, 'argv', ['train.py', str(work / 'cfg.py')])
    with pytest.raises(SystemExit) as ended:
        run_mmpose_tool('train.py')
    assert 'bad.pth' in ended.value.code and 'mkdir' in ended.value.code and 'code' in ended.value.code
    assert not (work / 'hacked').exists()
