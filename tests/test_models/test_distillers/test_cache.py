"""The teacher's cache: what it stores, what it refuses, and training with it."""
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from mmpose.registry import DATASETS, MODELS

from mmpose_kd.cache import build_caches
from mmpose_kd.errors import ConfigError
from mmpose_kd.files import part_of
from mmpose_kd.models.distillers import teacher_cache
from mmpose_kd.models.distillers.teacher_cache import TeacherCache
from mmpose_kd.models.objectives import Objective

SOURCE = dict(teacher=dict(weights='a'), data=dict(samples=5))
FIELDS = dict(outputs=(2, 3), tap=(4, ))


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(teacher_cache, 'SHARD', 4)


def values(views):
    """Numbers of some views that float16 holds."""
    rows = np.arange(10)[None] + 10. * np.array(views)[:, None]
    return dict(outputs=rows[:, :6].reshape(-1, 2, 3), tap=rows[:, 6:])


@pytest.fixture
def cache(tmp_path):
    cache = TeacherCache.create(str(tmp_path), FIELDS, 10, SOURCE)
    for shard in range(cache.shards()):
        cache.write(shard, [values(cache.views_of(shard))])
    return cache


def test_views_are_read_in_the_order_asked_for(cache):
    got = TeacherCache(cache.folder).read([9, 0, 5])
    for name, value in values([9, 0, 5]).items():
        np.testing.assert_array_equal(got[name], value)
        assert got[name].dtype == np.float16


def test_fields_that_nobody_asks_for_are_not_read(cache):
    got = TeacherCache(cache.folder).read([9, 5], ['tap'])
    assert list(got) == ['tap']
    np.testing.assert_array_equal(got['tap'], values([9, 5])['tap'])


def test_a_view_is_checked_whichever_field_is_asked_for(cache):
    file = cache.folder / '00001.npy'
    data = bytearray(file.read_bytes())
    data[-1] ^= 1  # in the tap of view 7
    file.write_bytes(data)
    with pytest.raises(ConfigError, match=r'00001.npy is damaged'):
        TeacherCache(cache.folder).read([7], ['outputs'])


def test_a_file_that_is_missing_is_named(cache):
    (cache.folder / '00001.json').unlink()
    reader = TeacherCache(cache.folder)
    reader.read([0])
    with pytest.raises(ConfigError, match='is not complete: 00001.npy is missing'):
        reader.read([5])


def test_rows_that_are_missing_are_named_before_the_first_step(cache):
    (cache.folder / '00001.npy').unlink()
    with pytest.raises(ConfigError, match='is not complete: 00001.npy is missing. The command that makes it goes on'):
        TeacherCache(cache.folder).check_complete()
    assert not cache.finished(1)


def test_rows_that_are_cut_off_are_named_before_the_first_step(cache):
    file = cache.folder / '00001.npy'
    file.write_bytes(file.read_bytes()[:-2])  # 128 bytes of a header, 4 views of 10 numbers of 2 bytes
    with pytest.raises(ConfigError, match='is not complete: 00001.npy has 206 bytes, expected 208. The command that'):
        TeacherCache(cache.folder).check_complete()
    assert not cache.finished(1)


def test_a_file_that_is_replaced_is_not_finished_until_its_checksums_are_written(cache, monkeypatch):

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Path, 'write_text', full)
    with pytest.raises(ConfigError, match='cannot be written'):
        cache.write(1, [values(cache.views_of(1))])
    assert not cache.finished(1)


def test_a_view_that_is_damaged_is_named_when_it_is_read_and_the_others_are_not_read_for_it(cache):
    file = cache.folder / '00001.npy'
    data = bytearray(file.read_bytes())
    data[-1] ^= 1  # in view 7
    file.write_bytes(data)
    reader = TeacherCache(cache.folder)
    np.testing.assert_array_equal(reader.read([5, 6])['tap'], values([5, 6])['tap'])
    with pytest.raises(ConfigError, match=r'00001.npy is damaged'):
        reader.read([7])


@pytest.mark.parametrize('checksums', [5, [1, 2], ['a'], [[1], [1, 2]], [1e400]])
def test_checksums_that_are_none_are_named(cache, checksums):
    file = cache.folder / '00001.json'
    file.write_text(json.dumps(dict(json.loads(file.read_text()), crc32=checksums)))
    with pytest.raises(ConfigError, match=r'00001.npy is damaged'):
        TeacherCache(cache.folder).read([5])


def test_no_more_files_are_open_than_a_process_may_have(cache, monkeypatch):
    monkeypatch.setattr(teacher_cache, 'OPEN', 1)
    reader = TeacherCache(cache.folder)
    for views in ([0, 5, 9], [9, 5, 0], [5]):
        np.testing.assert_array_equal(reader.read(views)['tap'], values(views)['tap'])
        assert len(reader._open) == 1


def test_a_file_that_the_system_does_not_open_is_not_called_damaged(cache, monkeypatch):

    def load(*args, **kwargs):
        raise OSError(24, 'Too many open files')

    monkeypatch.setattr(np, 'load', load)
    with pytest.raises(ConfigError, match=r'00001.npy cannot be read: Too many open files\.$'):
        TeacherCache(cache.folder).read([5])


def test_a_disk_that_is_full_is_told(tmp_path, monkeypatch):

    def save(*args):
        raise OSError(28, 'No space left on device')

    cache = TeacherCache.create(str(tmp_path), FIELDS, 10, SOURCE)
    cache.write(0, [values(cache.views_of(0))])
    monkeypatch.setattr(np, 'save', save)
    with pytest.raises(ConfigError, match='file 1 of 3 cannot be written: No space left on device. Make room'):
        cache.write(1, [values(cache.views_of(1))])
    assert cache.finished(0) and not cache.finished(1)


def test_a_number_that_float16_cannot_hold_is_refused(tmp_path):
    cache = TeacherCache.create(str(tmp_path), dict(outputs=(1, )), 1, SOURCE)
    with pytest.raises(ConfigError, match='70000, which float16 cannot hold: .*--dtype float32'):
        cache.write(0, [dict(outputs=np.array([[7e4]]))])
    assert not cache.finished(0)


@pytest.mark.parametrize('number', [np.nan, np.inf])
def test_nan_of_the_teacher_is_not_blamed_on_the_dtype(tmp_path, number):
    cache = TeacherCache.create(str(tmp_path), dict(outputs=(2, )), 1, SOURCE)
    with pytest.raises(ConfigError, match="^NaN or infinity in the teacher's answer, so nothing is stored"):
        cache.write(0, [dict(outputs=np.array([[1., number]]))])
    assert not cache.finished(0)


def test_what_a_killed_process_has_left_of_a_file_is_removed_when_it_is_written(cache):
    left = [part_of(cache.folder / name) for name in ('00001.npy', '00001.json', '00002.npy')]
    for file in left:
        file.write_bytes(b'half')
    cache.write(1, [values(cache.views_of(1))])
    assert [file.exists() for file in left] == [False, False, True]


def test_views_come_in_batches_of_any_size(tmp_path):
    cache = TeacherCache.create(str(tmp_path), FIELDS, 4, SOURCE)
    cache.write(0, (values(views) for views in ([0], [1, 2], [3])))
    for name, value in values(range(4)).items():
        np.testing.assert_array_equal(cache.read(range(4))[name], value)


def test_making_a_file_takes_the_memory_of_its_numbers_once(tmp_path, monkeypatch):
    monkeypatch.setattr(teacher_cache, 'SHARD', 512)
    cache = TeacherCache.create(str(tmp_path), dict(outputs=(1024, )), 512, SOURCE)  # 1 MB
    tracemalloc.start()
    cache.write(0, (dict(outputs=np.ones((8, 1024), np.float32)) for _ in range(64)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.25 * 2**20


@pytest.mark.parametrize('source, message', [
    (dict(SOURCE, teacher=dict(weights='b')), 'its teacher is another, in weights'),
    (dict(SOURCE, data=dict(samples=6)), 'its data is another, in samples'),
])
def test_a_stale_cache_is_refused(cache, source, message):
    with pytest.raises(ConfigError, match=f'is stale: {message}'):
        TeacherCache(cache.folder).check(source)
    with pytest.raises(ConfigError, match='is stale'):
        TeacherCache.create(str(cache.folder), FIELDS, 10, source)


def test_other_fields_in_the_folder_are_not_overwritten(cache):
    with pytest.raises(ConfigError, match='has other fields'):
        TeacherCache.create(str(cache.folder), dict(outputs=(2, 3)), 10, SOURCE)
    assert TeacherCache(cache.folder).read([1])['tap'].shape == (1, 4)


def test_it_may_be_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    monkeypatch.chdir(tmp_path)
    TeacherCache.create('~/cache', FIELDS, 10, SOURCE)
    assert (tmp_path / 'home' / 'cache' / 'cache.json').is_file() and TeacherCache('~/cache').fields


def test_another_format_is_refused(cache):
    file = cache.folder / 'cache.json'
    file.write_text(file.read_text().replace('"format": 3', '"format": 2'))
    with pytest.raises(ConfigError, match='has the format 2, expected 3'):
        TeacherCache(cache.folder)


def test_files_of_a_cache_whose_index_is_gone_are_not_taken_for_those_of_another(cache):
    (cache.folder / 'cache.json').unlink()
    another = TeacherCache.create(str(cache.folder), FIELDS, 10, dict(SOURCE, teacher=dict(weights='b')))
    assert not any(another.finished(shard) for shard in range(another.shards()))
    with pytest.raises(ConfigError, match='is not complete: 00000.npy was written for another cache'):
        another.check_complete()


def test_files_of_a_cache_whose_index_is_gone_are_kept_for_the_same(cache):
    (cache.folder / 'cache.json').unlink()
    same = TeacherCache.create(str(cache.folder), FIELDS, 10, SOURCE)
    assert all(same.finished(shard) for shard in range(same.shards()))


def test_files_that_changed_places_are_refused(cache):
    for ending in ('npy', 'json'):
        first, second, aside = (cache.folder / f'{name}.{ending}' for name in ('00000', '00001', 'aside'))
        first.rename(aside)
        second.rename(first)
        aside.rename(second)
    with pytest.raises(ConfigError, match='00000.npy was written for another cache, or for another place in this one'):
        TeacherCache(cache.folder).read([0])
    assert [cache.finished(shard) for shard in range(3)] == [False, False, True]


def test_what_is_written_to_a_cache_that_was_replaced_is_not_its_own(cache):
    (cache.folder / 'cache.json').unlink()
    another = TeacherCache.create(str(cache.folder), FIELDS, 10, dict(SOURCE, teacher=dict(weights='b')))
    another.write(0, [values(another.views_of(0))])
    cache.write(0, [values(cache.views_of(0))])  # by the process that was at work on the old one
    assert not another.finished(0)


@pytest.fixture
def training(tmp_path):
    """A function that writes a distilled training on views, with or without a cache; returns its config file."""
    torch.manual_seed(5)
    teacher = tiny.build(tiny.pose_model(8))
    torch.save(dict(state_dict=teacher.state_dict()), tmp_path / 'teacher.pth')

    def write(cache=True, num_views=2, objectives=None, views=True):
        model = dict(
            tiny.pose_model(), type='MultiKDDistiller',
            metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
            teacher=dict(config=tiny.pose_model(8), checkpoint=str(tmp_path / 'teacher.pth'), report_metric=False,
                         metainfo=dict(from_file='configs/_base_/datasets/coco.py')),
            objectives=objectives or dict(
                loss_okd=dict(type='OutputObjective'),
                loss_fkd=dict(
                    type='FeatureObjective', student_taps=['backbone.layer3'], teacher_taps=['backbone.layer3'],
                    student_channels=[16], teacher_channels=[32], connector=dict(type='ConvAligner'))))
        if cache:
            model['teacher']['cache'] = str(tmp_path / 'cache')
        cfg = tiny.runner_cfg(model, tmp_path / f'run_{cache}', epochs=1)
        if views:
            cfg.train_dataloader.dataset = dict(
                type='ViewDataset', num_views=num_views, dataset=cfg.train_dataloader.dataset)
        cfg.custom_imports = dict(imports=['mmpose_kd'])
        file = tmp_path / f'config_{cache}.py'
        cfg.dump(str(file))
        return file

    return write


def train(file):
    return tiny.run(tiny.Config.fromfile(str(file)))


def test_training_with_the_cache_is_training_without_it_on_the_same_views(training):
    caches = build_caches(str(training()), dtype='float32')
    assert caches[0].fields == {'outputs[0]': [17, 128], 'outputs[1]': [17, 128], 'backbone.layer3': [32, 4, 4]}
    with_cache, without = (train(training(cache)).model.state_dict() for cache in (True, False))
    torch.testing.assert_close(with_cache, without, rtol=1e-3, atol=1e-5)


def test_the_teacher_is_not_run(training, monkeypatch):
    file = training()
    build_caches(str(file))
    monkeypatch.setattr('mmpose_kd.models.distillers.teacher.Teacher._features', None)
    assert train(file).iter == 2


FEATURES = dict(type='FeatureObjective', student_taps=['backbone.layer3'], teacher_taps=['backbone.layer3'],
                student_channels=[16], teacher_channels=[32], connector=dict(type='ConvAligner'))


@MODELS.register_module()
class NamesNoPath(Objective):
    """Compares what the heads return, and names no path."""


@pytest.mark.parametrize('objectives, taps, outputs', [
    (dict(loss_fkd=FEATURES), {'backbone.layer3'}, None),
    (dict(loss_okd=dict(type='OutputObjective')), set(), [(2, 17, 128), (2, 17, 128)]),
    (dict(loss_own=dict(type='NamesNoPath')), set(), [(2, 17, 128), (2, 17, 128)])],
                         ids=['features', 'outputs', 'no path'])
def test_a_teacher_answers_only_what_is_compared_in_float32(training, objectives, taps, outputs):
    cfg = tiny.Config.fromfile(str(training(objectives=objectives)))
    cache, = build_caches(cfg.filename, ['backbone.layer2'])
    model, dataset = tiny.build(cfg.model), DATASETS.build(cfg.train_dataloader.dataset)
    model.load_teachers(dataset)
    samples = [dataset.view(index, 1)['data_samples'] for index in (3, 1)]
    record = model.teachers['teacher'].answer(torch.rand(2, 3, 64, 64), model.data_preprocessor, samples)
    assert set(record.taps) == taps
    assert (record.outputs and [tuple(value.shape) for value in record.outputs]) == outputs
    for name in taps:
        expected = cache.read([len(dataset) + 3, len(dataset) + 1], [name])[name].astype(np.float32)
        np.testing.assert_array_equal(record.taps[name].numpy(), expected)
        assert record.taps[name].dtype == torch.float32


def test_a_second_call_makes_nothing_anew_but_what_is_missing_or_cut_off(training):
    cache, = build_caches(str(training()))
    written = {file: file.stat().st_mtime_ns for file in sorted(cache.folder.glob('*.npy'))}
    assert len(written) == 4
    (cache.folder / '00002.json').unlink()  # as if it had been stopped there
    file = cache.folder / '00001.npy'
    file.write_bytes(file.read_bytes()[:-1])
    build_caches(str(training()))
    again = {file: file.stat().st_mtime_ns for file in cache.folder.glob('*.npy')}
    assert [file.name for file in written if written[file] != again[file]] == ['00001.npy', '00002.npy']


def test_a_cache_of_somebody_else_is_refused_where_something_is_missing(training, monkeypatch):
    cache, = build_caches(str(training()))
    monkeypatch.setattr('mmpose_kd.errors.os.access', lambda path, mode: False)
    assert build_caches(str(training()))[0].finished(0)
    (cache.folder / '00002.json').unlink()
    with pytest.raises(ConfigError, match='cache" may not be written to. Give another with cache'):
        build_caches(str(training()))


def test_it_is_built_in_the_home_folder_alone(training, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    config = training()
    monkeypatch.chdir(tmp_path)
    cache, = build_caches(str(config), cfg_options={'model.teacher.cache': '~/cache'})
    assert cache.folder == tmp_path / 'home' / 'cache' and not (tmp_path / '~').exists()


def test_a_second_call_refuses_a_damaged_file(training):
    cache, = build_caches(str(training()))
    file = cache.folder / '00001.npy'
    file.write_bytes(file.read_bytes()[:-1] + b'?')
    with pytest.raises(ConfigError, match='00001.npy is damaged: its checksum is another. Remove it and its .json'):
        build_caches(str(training()))


def test_nothing_is_drawn_into_a_file_that_takes_the_output(training, capfd):
    build_caches(str(training()))
    assert 'views to' not in ''.join(capfd.readouterr())


def test_its_views_are_counted_batch_by_batch_in_a_file_that_takes_the_output(training, monkeypatch, capfd):
    monkeypatch.setattr('mmpose_kd.progress.SECONDS_A_LINE', 0)
    monkeypatch.setattr(teacher_cache, 'SHARD', 8)
    build_caches(str(training()))  # in batches of four
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith('views to')]
    assert [line.split(': ')[1].split(',')[0] for line in lines] == ['4 of 16', '8 of 16', '12 of 16', '16 of 16']


def test_options_change_the_config(training, tmp_path):
    cache, = build_caches(str(training(cache=False)), cfg_options={'model.teacher.cache': str(tmp_path / 'another')})
    assert cache.folder == tmp_path / 'another'


def test_a_cache_of_other_views_stops_the_run_before_the_first_step(training):
    build_caches(str(training()))
    with pytest.raises(ConfigError, match=r'model.teacher: cache=.* is stale: its data is another, in num_views'):
        train(training(num_views=3))


def test_a_cache_that_is_not_complete_stops_the_run_before_the_first_step(training):
    cache, = build_caches(str(training()))
    (cache.folder / '00000.json').unlink()
    with pytest.raises(ConfigError, match=r'model.teacher: cache=.* is not complete: 00000.npy is missing'):
        train(training())


def test_a_training_set_without_views_is_refused(training):
    build_caches(str(training()))
    with pytest.raises(ConfigError, match='the training set is a SyntheticPoseDataset.*type="ViewDataset"'):
        train(training(views=False))


def test_a_tap_that_is_not_stored_is_named(training):
    build_caches(str(training(objectives=dict(loss_okd=dict(type='OutputObjective')))))
    with pytest.raises(ConfigError, match=r'holds no tap "backbone.layer3", only outputs\[0\], outputs\[1\]'):
        train(training())


def test_taps_for_other_configs_are_stored_too(training):
    cache, = build_caches(str(training(objectives=dict(loss_okd=dict(type='OutputObjective')))), ['backbone.layer3'])
    assert cache.fields['backbone.layer3'] == [32, 4, 4]
    assert train(training()).iter == 2


def test_the_size_of_a_view_is_that_of_its_numbers(tmp_path):
    cache = TeacherCache.create(str(tmp_path), {'outputs': (17, 64), 'feats': (8, 4, 4)}, 5000, {}, 'float16')
    assert cache.view_bytes() == 2 * (17 * 64 + 8 * 4 * 4)


def test_a_cache_that_was_never_made_is_told_how(training):
    with pytest.raises(ConfigError, match='does not exist. Make it: mim run mmpose_kd cache CONFIG'):
        train(training())


def test_a_device_that_is_not_there_is_refused_by_name(training):
    with pytest.raises(ConfigError, match='device "gpu0" cannot be used'):
        build_caches(str(training()), device='gpu0')


@pytest.mark.parametrize('options, message', [
    ({'train_dataloader.dataset.dataset.num_samples': -3}, 'num_samples'),
    ({'train_dataloader.dataset.dataset': dict(_delete_=True, type='CocoDataset', ann_file='absent.json')},
     'the training set cannot be read: Annotation file `absent.json`.*data_root=FOLDER'),
    ({'train_dataloader.dataset.dataset.indices': 0}, 'the training set has no sample, and no view to store'),
    ({'model.head.in_channelz': 3}, 'in_channelz')])
def test_what_a_cache_cannot_be_made_of_is_named(training, options, message):
    with pytest.raises(ConfigError, match=message):
        build_caches(str(training()), cfg_options=options)


def test_a_config_without_a_model_is_refused(tmp_path):
    (tmp_path / 'schedule.py').write_text('train_cfg = dict(max_epochs=1)')
    with pytest.raises(ConfigError, match='schedule.py" holds no "model" with a "type"'):
        build_caches(str(tmp_path / 'schedule.py'))


@pytest.mark.parametrize('kwargs, message', [
    (dict(cache=False), 'no teacher has a cache'),
    (dict(views=False), 'is a SyntheticPoseDataset, which draws new augmentations each time. Wrap it')])
def test_a_config_that_makes_no_cache_is_refused(training, kwargs, message):
    with pytest.raises(ConfigError, match=message):
        build_caches(str(training(**kwargs)))
