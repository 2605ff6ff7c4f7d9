"""The report's page, of small models trained by the Runner on drawn people."""
import base64
import json
import os
import re
import runpy
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import tiny
from mmengine.config import Config

from mmpose_kd.checkpoint import last_checkpoint
from mmpose_kd.config import read_config
from mmpose_kd.datasets import SyntheticPoseDataset
from mmpose_kd.errors import ConfigError
from mmpose_kd.report import Options, read_folders, write_report
from mmpose_kd.report.delta import config_delta
from mmpose_kd.report.measure import by_joint, by_size, gains, largest, reliability
from mmpose_kd.report.pictures import draw_people
from mmpose_kd.report.plots import points
from mmpose_kd.report.predict import Predictions, _annotations, predict, read_predictions
from mmpose_kd.report.runs import dumped_config
from mmpose_kd.scalars import read_scalars

HOSTILE = '<script>document.title="taken"</script><img src=x onerror=alert(1)>"\'&'
TOOL = Path(__file__).resolve().parents[1] / 'tools' / 'report.py'
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')


class Page(HTMLParser):
    """The texts of a page's cells, in rows, the tags and attributes that it has, and the addresses that it names."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags, self.attributes, self.addresses, self.within = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.addresses += [value for name, value in attrs if name in ('src', 'href', 'action', 'data') and value]
        if tag == 'tr':
            self.rows.append([])
        if tag in ('td', 'th'):
            self.rows[-1].append('')
            self.within.append(tag)

    def handle_endtag(self, tag):
        if tag in ('td', 'th'):
            self.within.pop()

    def handle_data(self, data):
        if self.within:
            self.rows[-1][-1] += data

    def row(self, first):
        return next(row for row in self.rows if row[0] == first)


@pytest.fixture(scope='session')
def runs(tmp_path_factory):
    """Work folders of two seeds of a tiny student, and of one seed of a wider one."""
    root = tmp_path_factory.mktemp('runs')
    for name, channels, seed in (('alone_0', 4, 0), ('alone_1', 4, 1), ('wide_0', 8, 0)):
        tiny.runner_cfg(tiny.pose_model(channels), root / name, epochs=2).dump(str(root / 'tiny.py'))
        tiny.run(Config.fromfile(str(root / 'tiny.py')), **{'randomness.seed': seed})
    return root


@pytest.fixture(scope='session')
def page_file(runs, tmp_path_factory):
    """A report of the three, with everything that a report can have, and hostile names."""
    out = tmp_path_factory.mktemp('report') / 'report.html'
    benchmark = out.with_name('benchmark.json')
    rows = [dict(name=name, backend='eager', latency_ms=ms, params=1., gmacs=0.1)
            for name, ms in (('student', 2.), (HOSTILE, 3.))]
    benchmark.write_text(json.dumps(dict(machine=HOSTILE, device='cpu', threads=1, rows=rows)))
    names = ['student', 'student', HOSTILE]
    experiment = read_folders([str(runs / name) for name in ('alone_0', 'alone_1', 'wide_0')], names)
    notes = write_report(experiment, out, Options(images=6, pictures=1, title=f'Tiny {HOSTILE}',
                                                  benchmark=str(benchmark)))
    assert notes == []
    return out


@pytest.fixture
def copied(runs, tmp_path):
    """Copies of the folders of a student and of a wider one."""
    for name in ('alone_0', 'wide_0'):
        shutil.copytree(runs / name, tmp_path / name)
    return [tmp_path / name for name in ('alone_0', 'wide_0')]


def trained_with(folder, line):
    """Add a line to the config that a training dumped."""
    config, = folder.glob('*.py')
    written = config.stat().st_mtime_ns
    config.write_text(f'{config.read_text()}\n{line}')
    os.utime(config, ns=(written, written))


def predictions(distances, scores=None, labelled=None, sides=None):
    """Predictions (P, K) that are off by some distances, in boxes of 100 pixels or of other sides."""
    distances = np.array(distances, float)
    sides = np.full(len(distances), 100.) if sides is None else np.array(sides, float)
    labels = np.random.default_rng(0).uniform(0, 100, (*distances.shape, 2))
    off = np.stack([distances * sides[:, None], np.zeros_like(distances)], -1)
    boxes = np.stack([0 * sides, 0 * sides, sides / 2, sides], 1)
    return Predictions(
        labels + off, np.full(distances.shape, 0.5) if scores is None else np.array(scores, float), labels,
        np.ones(distances.shape, bool) if labelled is None else np.array(labelled, bool), boxes,
        np.arange(len(distances)), np.array([f'joint {i}' for i in range(distances.shape[1])]))


def test_a_joint_is_right_within_a_share_of_the_longer_side():
    found = predictions([[0.1, 0.3], [0.19, 0.21]], sides=[50, 200])
    assert by_joint(found, 0.2).tolist() == [1, 0]


def test_joints_without_a_label_do_not_count():
    found = predictions([[0.1, 0.3], [0.3, 0.3]], labelled=[[1, 0], [1, 0]])
    assert by_joint(found, 0.2)[0] == 0.5
    assert np.isnan(by_joint(found, 0.2)[1])


def test_sizes_are_thirds_of_the_people():
    distances = [[0.1], [0.3], [0.1], [0.1], [0.3], [0.3]]
    assert by_size(predictions(distances, sides=[10, 20, 30, 40, 50, 60]), 0.2).tolist() == [0.5, 1, 0]


def test_people_of_one_size_are_divided_too():
    assert by_size(predictions([[0.1], [0.3], [0.1]], sides=[50, 50, 50]), 0.2).tolist() == [1, 0, 1]


def test_reliability_is_the_expected_calibration_error_and_the_area_under_the_roc_curve():
    found = predictions([[0.1], [0.1], [0.3], [0.1]], scores=[[0.9], [0.7], [0.6], [0.2]])
    values = reliability(found, 0.2, bins=2)
    assert values.scores == pytest.approx([0.4, 0.8])
    assert values.shares == pytest.approx([0.5, 1])
    assert values.gap == pytest.approx((0.1 + 0.2) / 2)
    assert values.ranking == pytest.approx(2 / 3)  # of three pairs of right and wrong, two are in order


def test_scores_beyond_one_are_no_probabilities():
    assert reliability(predictions([[0.1], [0.3]], scores=[[5.], [0.5]]), 0.2).gap is None


def test_gains_are_of_the_mean_error_and_one_far_joint_counts_as_one_side():
    student, baseline = predictions([[0.1, 0.1], [9., 0.1]]), predictions([[0.3, 0.1], [0.5, 0.1]])
    assert gains(student, baseline) == pytest.approx([0.1, -0.25])
    assert largest(gains(student, baseline), 4) == [0]
    assert largest(-gains(student, baseline), 4) == [1]


def test_predictions_are_made_again_when_the_labels_have_changed(tmp_path):
    cfg = Config(dict(val_dataloader=dict(dataset=dict(data_root=str(tmp_path), ann_file='val.json'))))
    assert _annotations(cfg) == ''
    (tmp_path / 'val.json').write_text('[]')
    before = _annotations(cfg)
    (tmp_path / 'val.json').write_text('[1]')
    assert before.startswith('2 ') and _annotations(cfg).startswith('3 ')


def test_predictions_of_other_people_are_not_compared():
    one, other = predictions([[0.1]]), predictions([[0.3]])
    assert one.same_people(other)
    assert not one.same_people(other._replace(indices=np.array([7])))
    assert not one.same_people(other._replace(labels=other.labels + 1))


def test_a_delta_has_what_changed_added_and_went_without_seed_and_folders():
    old = dict(model=dict(type='A', depth=18), custom_hooks=['/here/data', 1], log_level=1, codec=1, work_dir='a',
               randomness=dict(seed=0))
    new = dict(model=dict(type='B', depth=18, teacher=dict(path='/there/t.pth')), custom_hooks=['/there/data', 2],
               codec=2, work_dir='b', randomness=dict(seed=1))
    assert config_delta(old, new) == [
        ('model.type', "'A'", "'B'"), ('model.teacher', 'not there', "{'path': 't.pth'}"),
        ('custom_hooks[1]', '1', '2'), ('log_level', '1', 'not there')]


def test_a_delta_tells_checkpoints_of_one_name_apart_by_their_folders():
    old, new = (dict(model=dict(teacher=dict(checkpoint=f'/out/runs/{name}/seed_0/epoch_10.pth', config='/a/t.py')))
                for name in ('short', 'long'))
    assert config_delta(old, new) == [
        ('model.teacher.checkpoint', "'short/seed_0/epoch_10.pth'", "'long/seed_0/epoch_10.pth'")]
    assert config_delta(old, old) == []


def test_scalars_of_a_resumed_and_of_a_killed_training(tmp_path):
    for time, lines in (('1', [dict(loss=3, step=10), dict(PCK=0.1, step=1), dict(loss=2, step=20)]),
                        ('2', [dict(loss=1, step=20), dict(PCK=0.3, time=1, step=2), {'teacher/PCK': 1, 'step': 0}])):
        folder = tmp_path / time / 'vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text('\n'.join([*map(json.dumps, lines), '{"loss": 4, "st', '[1]', '']))
    assert read_scalars(tmp_path) == ({1: dict(PCK=0.1), 2: dict(PCK=0.3)}, dict(loss=[(10, 3), (20, 1)]))


def test_scalars_of_a_training_begun_anew_in_the_same_folder_are_its_own(tmp_path):
    for time, lines in (('1', [dict(loss=3, step=10, epoch=1), dict(PCK=0.1, step=1),
                               dict(loss=2, step=20, epoch=2), dict(PCK=0.4, step=2)]),
                        ('2', [dict(loss=4, step=5, epoch=1), dict(PCK=0.2, step=1)])):
        folder = tmp_path / time / 'vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    assert read_scalars(tmp_path) == ({1: dict(PCK=0.2)}, dict(loss=[(5, 4)]))


def test_predictions_are_those_of_the_trained_model(runs, tmp_path):
    run, = read_folders([str(runs / 'alone_0')]).runs
    found = predict(run, 100, tmp_path, 'cpu')
    assert found.keypoints.shape == (8, 17, 2)
    # all eight people: the share of right joints is what the run's own evaluator logged
    visible = found.labelled.any(0)
    assert by_joint(found, 0.2)[visible].mean() == pytest.approx(run.metrics['PCK'], abs=1e-6)
    file, = tmp_path.glob('*.npz')
    before = file.stat().st_mtime_ns
    assert np.array_equal(predict(run, 100, tmp_path, 'cpu').keypoints, found.keypoints)
    assert file.stat().st_mtime_ns == before
    assert len(predict(run, 3, tmp_path, 'cpu').indices) == 3  # another count is not taken from the file of this one


def test_predictions_that_are_cut_off_are_named(tmp_path):
    np.savez_compressed(tmp_path / 'file.npz', **{name: np.zeros(100) for name in Predictions._fields})
    content = (tmp_path / 'file.npz').read_bytes()
    (tmp_path / 'file.npz').write_bytes(content[:len(content) // 2])
    with pytest.raises(ConfigError, match='file.npz" does not hold what a report predicted'):
        read_predictions(tmp_path / 'file.npz')


def test_a_folder_that_cannot_be_made_is_said_before_anybody_is_evaluated(runs, tmp_path):
    (tmp_path / 'file').write_text('mine')
    people = []
    with pytest.raises(ConfigError, match='file" cannot be made'):
        write_report(read_folders([str(runs / 'alone_0')]), tmp_path / 'file' / 'report.html', Options(images=2),
                     advance=people.append)
    assert people == []


def test_a_pickle_in_the_place_of_predictions_is_not_loaded(tmp_path):
    content = {name: np.array([print], dtype=object) for name in Predictions._fields}
    np.savez(tmp_path / 'file.npz', **content)
    with pytest.raises(ConfigError, match='does not hold what a report predicted'):
        read_predictions(tmp_path / 'file.npz')


def test_summary_has_the_paired_difference(page_file, runs):
    experiment = read_folders([str(runs / name) for name in ('alone_0', 'alone_1', 'wide_0')], ['a', 'a', 'b'])
    first, second, wide = (run.metrics['PCK'] for run in experiment.runs)
    rows = Page(page_file.read_text()).rows
    assert rows[0] == ['run', 'against', 'seeds', 'PCK', 'difference in PCK']
    mean, std = np.mean([first, second]), np.std([first, second], ddof=1)
    assert rows[1] == ['student', '', '2', f'{100 * mean:.1f} ± {100 * std:.1f}', '']
    assert rows[2] == [HOSTILE, 'student', '1', f'{100 * wide:.1f}', f'{100 * (wide - first):+.1f}']


def test_page_has_every_part(page_file):
    text = page_file.read_text()
    page = Page(text)
    headings = re.findall('<h2 id="(.+?)">(.+?)</h2>', text)
    assert re.findall('<a href="#(.+?)">(.+?)</a>', text) == headings
    assert [key for key, _ in headings] == [
        'summary', 'curves', 'joints', 'sizes', 'scores', 'changes', 'latency', 'configs']
    assert page.row('joint')[1:] == ['student', HOSTILE]
    assert re.fullmatch(r'[\d.]+ \([+-]?[\d.]+\)', page.row('left_wrist')[2])
    assert page.row('largest third')
    assert page.row('model.backbone.base_channels')[1:] == ['4', '8']
    assert ['student', 'eager', '2.00 ms', '1.00 M', '0.100'] in [row[:5] for row in page.rows]
    assert ', cpu, 1 threads.' in text
    assert len(re.findall('src="data:image/jpeg', text)) >= 1
    assert len(re.findall(r'src="data:image/svg\+xml', text)) >= 4


def test_page_needs_no_other_file(page_file):
    page = Page(page_file.read_text())
    assert all(address.startswith(('data:', '#')) for address in page.addresses)
    assert not {'iframe', 'object', 'embed'} & set(page.tags)
    pictures = [address for address in page.addresses if 'svg' in address]
    assert not any(b'href="http' in base64.b64decode(picture.split(',')[1]) for picture in pictures)


def test_text_of_files_is_escaped(page_file):
    text = page_file.read_text()
    assert text.count('<script') == 1
    assert 'onerror=alert' in text  # it is there, as text
    assert Page(text).tags.count('script') == 1
    assert not [name for name in Page(text).attributes if name.startswith('on')]


def test_hostile_names_of_metrics_losses_folders_and_configs(copied):
    folder = copied[0].rename(copied[0].with_name(HOSTILE.replace('/', '')))
    log, = folder.glob('*/vis_data/scalars.json')
    log.write_text(json.dumps({f'loss{HOSTILE}$x_': 1, 'loss': 1, 'step': 1}) + '\n' +
                   json.dumps({f'{HOSTILE}$\\frac': 0.5, 'step': 1}))
    trained_with(folder, f'log_level = {HOSTILE!r}')
    out = folder.parent / 'report.html'
    experiment = read_folders([str(copied[1]), str(folder)])
    experiment.metrics = {f'{HOSTILE}$\\frac': f'{HOSTILE}$\\frac'}
    for run in experiment.runs:
        run.metrics = {f'{HOSTILE}$\\frac': 0.5}
    write_report(experiment, out, Options(images=0))
    page = Page(out.read_text())
    assert page.tags.count('script') == 1
    assert page.row('log_level')[1:] == ["'WARNING'", repr(HOSTILE)]
    assert any(HOSTILE in cell for cell in page.rows[0])


def test_a_study_is_reported_without_its_runs(tmp_path):
    entries = [dict(name=name, label=HOSTILE, baseline='alone', seed=seed, config='a.py', seconds=90.,
                    machines=[HOSTILE], peak_memory_mb=10., metrics=dict(PCK=value),
                    curve={'1': dict(PCK=0.1), '2': dict(PCK=value)})
               for name, seed, value in (('alone', 0, 0.4), ('alone', 1, 0.5), ('kd', 0, 0.6), ('kd', 1, 0.5))]
    (tmp_path / 'results.json').write_text(json.dumps(dict(
        title=HOSTILE, baseline='alone', metrics=dict(PCK=HOSTILE), commit=HOSTILE, versions={HOSTILE: HOSTILE},
        runs=entries, summary={})))
    experiment = read_folders([str(tmp_path)])
    notes = write_report(experiment, tmp_path / 'report.html', Options(images=5))
    assert len(notes) == 4
    assert all('no predictions' in note for note in notes)
    text = (tmp_path / 'report.html').read_text()
    assert Page(text).rows[2][3:] == ['55.0 ± 7.1', '+10.0 ± 127.1', '1.5 min', '10 MB']
    assert text.count('<script') == 1


@pytest.mark.parametrize('change', [dict(runs=3), dict(metrics=[]), dict(title=None, runs=[dict(name='../../x')])])
def test_results_of_something_else_are_refused(change, tmp_path):
    (tmp_path / 'results.json').write_text(json.dumps(dict(dict(title='', metrics={}, runs=[]), **change)))
    with pytest.raises(ConfigError, match='does not hold what a study writes'):
        read_folders([str(tmp_path)])


def test_a_name_does_not_lead_out_of_the_study(tmp_path):
    entry = dict(name='../..', label='', baseline='', seed=0, config='', seconds=0, peak_memory_mb=0, metrics={},
                 curve={})
    (tmp_path / 'results.json').write_text(json.dumps(dict(title='', metrics={}, runs=[entry])))
    with pytest.raises(ConfigError, match='would lead out of the folder'):
        read_folders([str(tmp_path)])


@pytest.mark.parametrize('arguments, message', [
    (dict(folders=['absent']), '"absent" does not exist. Expected the work folder of a training'),
    (dict(folders=['.']), 'is neither a run nor a study. Expected the work folder'),
    (dict(folders=['{runs}/alone_0'] * 2), 'the same folder is given twice'),
    (dict(folders=['{runs}/alone_0'] * 2, names=['a', 'a']), 'two folders named "a" have the seed 0'),
    (dict(folders=['{runs}/alone_0'], names=['a', 'b']), '2 names for 1 folders'),
    (dict(folders=['{runs}/alone_0'], baseline='alon'), '"alon" is none of the runs. Did you mean .alone_0'),
    (dict(folders=['{runs}/alone_0'], metrics=['PKC']), '"PKC" is not logged by every run. Did you mean .PCK'),
])
def test_wrong_arguments_are_named(arguments, message, runs):
    arguments['folders'] = [folder.format(runs=runs) for folder in arguments['folders']]
    with pytest.raises(ConfigError, match=message):
        read_folders(**arguments)


@pytest.mark.parametrize('options, message', [
    (Options(images=-1), '--images -1 --pictures 4: expected 0 or more'),
    (Options(threshold=0), '--threshold 0: expected more than 0'),
    (Options(images=0, cfg_options={'val_dataloadr.batch_size': 2}), "Did you mean 'val_dataloader'"),
    (Options(benchmark='{tmp}/none.json'), 'is no benchmark .FileNotFoundError'),
    (Options(benchmark='{tmp}/text.json'), 'is no benchmark .JSONDecodeError'),
    (Options(benchmark='{tmp}/other.json'), 'has hrnet, which is none of the runs: alone_0'),
])
def test_wrong_options_are_named_and_nothing_is_written(options, message, runs, tmp_path):
    (tmp_path / 'text.json').write_text('no JSON')
    row = dict(name='hrnet', backend='eager', latency_ms=1, params=1, gmacs=1)
    (tmp_path / 'other.json').write_text(json.dumps(dict(machine='', threads=1, rows=[row])))
    options = options._replace(benchmark=options.benchmark and options.benchmark.format(tmp=tmp_path))
    with pytest.raises(ConfigError, match=message):
        write_report(read_folders([str(runs / 'alone_0')]), tmp_path / 'out' / 'report.html', options)
    assert not (tmp_path / 'out').exists()


def test_a_file_that_exists_is_replaced_by_force_alone(runs, tmp_path):
    experiment, out = read_folders([str(runs / 'alone_0')]), tmp_path / 'report.html'
    out.write_text('mine')
    with pytest.raises(ConfigError, match='exists already'):
        write_report(experiment, out, Options(images=0))
    assert out.read_text() == 'mine'
    write_report(experiment, out, Options(images=0), force=True)
    assert '<title>alone_0</title>' in out.read_text()
    with pytest.raises(ConfigError, match='is a folder; give a file'):
        write_report(experiment, tmp_path, Options(images=0))


def test_nothing_half_written_is_left(runs, tmp_path, monkeypatch):
    def stop(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('mmpose_kd.files.os.replace', stop)
    with pytest.raises(ConfigError, match='cannot be written: No space left on device'):
        write_report(read_folders([str(runs / 'alone_0')]), tmp_path / 'report.html', Options(images=0))
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_checkpoint_or_config_is_noted(copied):
    for file in copied[0].glob('*.pth'):
        file.unlink()
    for file in [*copied[1].glob('*.py'), *copied[1].glob('*/vis_data/config.py')]:
        file.unlink()
    experiment = read_folders(list(map(str, copied)))
    notes = write_report(experiment, copied[0].parent / 'report.html', Options(images=2))
    assert [re.sub('".*"', '...', note) for note in notes] == [
        'alone_0, seed 0: no predictions. ... has no checkpoint.',
        'wide_0, seed 0: no predictions. ... has no config, which MMEngine writes there when a training begins.']
    text = (copied[0].parent / 'report.html').read_text()
    assert 'has no checkpoint.' in text
    assert 'id="joints"' not in text


def test_runs_with_other_validation_sets_are_not_compared(copied):
    trained_with(copied[1], 'val_dataloader["dataset"]["seed"] = 9')
    experiment = read_folders(list(map(str, copied)))
    notes = write_report(experiment, copied[0].parent / 'report.html', Options(images=4))
    assert notes == ['wide_0 and alone_0, seed 0: their validation sets differ, so joints and sizes are not compared.']
    text = (copied[0].parent / 'report.html').read_text()
    assert 'id="joints"' in text
    assert 'id="changes"' not in text
    assert re.fullmatch(r'[\d.]+', Page(text).row('left_wrist')[2])


def test_a_metric_that_coco_could_not_measure_is_left_out(copied):
    for folder in copied:
        log, = folder.glob('*/vis_data/scalars.json')
        log.write_text(log.read_text().replace('"PCK":', '"coco/AP (L)": -1.0, "PCK":'))
    assert list(read_folders(list(map(str, copied))).metrics) == ['PCK']


def test_metrics_that_only_some_trainings_logged_are_named(tmp_path):
    for name, metrics in (('a', dict(PCK=0.5, AUC=0.4)), ('b', dict(PCK=0.6, EPE=3.0))):
        log = tmp_path / name / '2022' / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text(json.dumps(dict(metrics, step=1)))
    found = read_folders([str(tmp_path / 'a'), str(tmp_path / 'b')])
    notes = write_report(found, tmp_path / 'report.html', Options(images=0))
    assert notes == ['AUC, EPE: not shown, as not every training has logged it.']


def test_a_training_without_validation_has_its_losses(copied):
    log, = copied[0].glob('*/vis_data/scalars.json')
    log.write_text('\n'.join(line for line in log.read_text().splitlines() if 'PCK' not in line))
    write_report(read_folders([str(copied[0])]), copied[0].parent / 'report.html', Options(images=0))
    text = (copied[0].parent / 'report.html').read_text()
    assert Page(text).rows == [['run', 'seeds'], ['alone_0', '1']]
    assert re.search(r'Losses in training \(\d\)', text)
    assert 'id="curves"' not in text


def test_a_training_without_validation_leaves_the_others_their_metrics(copied):
    log, = copied[1].glob('*/vis_data/scalars.json')
    log.write_text('\n'.join(line for line in log.read_text().splitlines() if 'PCK' not in line))
    notes = write_report(read_folders(list(map(str, copied))), copied[0].parent / 'report.html', Options(images=0))
    assert notes == ['wide_0, seed 0: no validation was logged.']
    rows = Page((copied[0].parent / 'report.html').read_text()).rows
    assert ['alone_0', '1'] in [row[:2] for row in rows] and 'wide_0' not in [row[0] for row in rows]


def test_kept_predictions_are_shown_without_the_images(copied, monkeypatch):
    experiment, out = read_folders(list(map(str, copied))), copied[0].parent / 'report.html'
    assert write_report(experiment, out, Options(images=4)) == []

    def gone(*args):
        raise FileNotFoundError('9.jpg')

    monkeypatch.setattr('mmpose_kd.report.predict.Compose', lambda transforms: gone)
    assert write_report(experiment, out, Options(images=4), force=True) == [
        'wide_0 against alone_0: no pictures. the validation set cannot be read: 9.jpg.']
    assert 'id="joints"' in out.read_text()


def test_labels_of_latencies_do_not_overlap():
    places = {'a': (3.1, 60.0), 'b': (310.0, 63.0)}
    address = points(places, dict(a='#ff0000', b='#0000ff'), 'ms', '%')
    svg = base64.b64decode(address.split(',')[1]).decode()
    below = svg.split('id="matplotlib.axis_1"')[1].split('id="matplotlib.axis_2"')[0]
    labels = re.findall(r'<text[^>]*>([\d.]+)</text>', below)
    assert {float(label) for label in labels} <= {2, 5, 10, 20, 50, 100, 200, 500} and '10' in labels


def test_a_benchmark_of_two_models_of_one_name_is_refused(copied, tmp_path):
    row = dict(name='alone_0', backend='eager', latency_ms=2., params=1., gmacs=0.1)
    (tmp_path / 'benchmark.json').write_text(json.dumps(dict(machine='m', threads=1, rows=[row, row])))
    with pytest.raises(ConfigError, match='has two models named "alone_0"'):
        write_report(read_folders([str(copied[0])]), tmp_path / 'report.html',
                     Options(images=0, benchmark=str(tmp_path / 'benchmark.json')))


def test_the_last_checkpoint_is_found_in_a_folder_that_was_moved(copied):
    run, = read_folders([str(copied[0])]).runs
    assert last_checkpoint(run.folder) == copied[0] / 'epoch_2.pth'
    (copied[0] / 'last_checkpoint').unlink()
    assert last_checkpoint(run.folder).name == 'epoch_2.pth'


def test_an_older_checkpoint_does_not_stand_for_the_last(copied):
    (copied[0] / 'epoch_2.pth').rename(copied[0] / 'epoch_1.pth')
    run, = read_folders([str(copied[0])]).runs
    assert last_checkpoint(run.folder) is None  # last_checkpoint names the second


def test_a_damaged_config_is_named(copied):
    for file in copied[0].rglob('*.py'):
        file.write_text('model = (')
    with pytest.raises(ConfigError, match=r'alone.*\.py" cannot be read: SyntaxError'):
        read_folders([str(copied[0])])


def test_what_a_test_or_a_script_writes_into_the_folder_is_not_the_trainings_config(copied):
    log, = copied[0].glob('*/vis_data/scalars.json')
    attempt = copied[0] / '20990101_000000' / 'vis_data'  # as "mim test" makes one
    attempt.mkdir(parents=True)
    (attempt / 'scalars.json').write_text('{"PCK": 0.5, "step": 0}')
    Config.fromfile(str(log.with_name('config.py'))).dump(str(attempt / 'config.py'))
    for file in (attempt / 'config.py', copied[0] / 'tiny.py'):  # a test writes over the training's own
        file.write_text(file.read_text().replace('seed=0', 'seed=7'))
    (copied[0] / 'plot.py').write_text('raise SystemExit(0)')
    run, = read_folders([str(copied[0])]).runs
    assert run.seed == 0 and dumped_config(run).randomness.seed == 0


def test_a_config_that_ends_the_program_is_named(tmp_path):
    (tmp_path / 'a.py').write_text('raise SystemExit(0)')
    with pytest.raises(ConfigError, match=r'a\.py" cannot be read: SystemExit'):
        read_config(tmp_path / 'a.py')


def test_trainings_without_a_seed_in_common_are_named(copied, tmp_path):
    experiment = read_folders([str(folder) for folder in copied])
    experiment.runs[1].seed = 2
    notes = write_report(experiment, tmp_path / 'report.html', Options(images=0))
    assert len(notes) == 1 and 'wide_0 has the seeds [2] and alone_0 [0]: no difference is shown' in notes[0]
    assert '1 (0 paired)' in (tmp_path / 'report.html').read_text()


def test_a_joint_of_a_model_that_diverged_is_wrong_and_not_unlabelled():
    good, found = predictions([[0.1, 0.1], [0.1, 0.1]]), predictions([[0.1, 0.1], [np.nan, 0.1]])
    assert by_joint(found, 0.2).tolist() == [0.5, 1]
    assert gains(found, good) == pytest.approx([0, -(1 - 0.1) / 2])


def test_scores_that_are_no_numbers_are_left_out():
    found = predictions([[0.1], [0.3], [0.1]], scores=[[0.9], [0.1], [np.nan]])
    assert reliability(found, 0.2).ranking == 1


def test_a_person_without_a_predicted_place_is_drawn_without_it(monkeypatch):
    image, meta = np.zeros((100, 100, 3), np.uint8), SyntheticPoseDataset(num_samples=1).metainfo
    monkeypatch.setattr('mmpose_kd.report.pictures.people', lambda cfg, indices: ([image], meta))
    found = predictions([[np.nan, *[0.1] * 16]])
    picture, = draw_people(Config(), [0], found, found)
    assert picture.caption.endswith('in the mean (baseline) and by 15.3 % (student)')  # (1 + 16 * 0.1) / 17


def test_a_teacher_is_not_needed_for_the_report_of_a_distilled_run(runs, tmp_path):
    teacher, = read_folders([str(runs / 'wide_0')]).runs
    dumped_config(teacher).dump(str(tmp_path / 'teacher.py'))
    shutil.copy(runs / 'wide_0' / 'epoch_2.pth', tmp_path / 'teacher.pth')
    model = dict(tiny.pose_model(), type='MultiKDDistiller', objectives=dict(loss_kd=dict(type='OutputObjective')),
                 teacher=dict(config=str(tmp_path / 'teacher.py'), checkpoint=str(tmp_path / 'teacher.pth')))
    cfg = tiny.runner_cfg(model, tmp_path / 'kd', epochs=1)
    cfg.custom_imports = dict(imports=['mmpose_kd'])
    tiny.run(cfg)
    (tmp_path / 'teacher.pth').unlink()
    experiment = read_folders([str(runs / name) for name in ('alone_0', 'wide_0')] + [str(tmp_path / 'kd')])
    rows = [dict(name=name, backend='eager', latency_ms=ms, params=1, gmacs=1)
            for name, ms in (('alone_0', 2), ('wide_0', 3))]
    (tmp_path / 'benchmark.json').write_text(json.dumps(dict(machine='', threads=1, rows=rows)))
    options = Options(images=4, pictures=1, benchmark=str(tmp_path / 'benchmark.json'))
    assert write_report(experiment, tmp_path / 'report.html', options) == []
    page = Page((tmp_path / 'report.html').read_text())
    assert page.row('model.type')[1:] == ["'TopdownPoseEstimator'", "'MultiKDDistiller'"]
    assert any(row[0] == 'model.objectives' for row in page.rows)
    latencies = [row[::2][:2] for row in page.rows if row[1:2] == ['eager']]
    assert latencies == [['alone_0', '2.00 ms'], ['wide_0', '3.00 ms'], ['kd', '2.00 ms']]  # the network of alone_0


@pytest.mark.parametrize('arguments', [[], ['--no-predictions']])
def test_the_tool_writes_a_page(arguments, runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['report.py', str(runs / 'alone_0'), '--images', '2', '--out',
                                      str(tmp_path / 'report.html'), *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')
    assert 'written: ' in capsys.readouterr().out
    assert ('id="joints"' in (tmp_path / 'report.html').read_text()) == (arguments == [])


def test_the_tool_ends_with_a_message(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['report.py', str(tmp_path), '--out', str(tmp_path / 'report.html')])
    with pytest.raises(SystemExit, match='^error: .*is neither a run nor a study'):
        runpy.run_path(str(TOOL), run_name='__main__')


@pytest.fixture(scope='module')  # no longer: its event loop would be in the way of other modules'
def browser():
    """A headless Chromium of the system."""
    if CHROMIUM is None:
        pytest.skip('there is no Chromium here; Debian has it in the package chromium')
    playwright = pytest.importorskip('playwright.sync_api', reason='pip install playwright')
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, page_file):
    """A function that opens the report in a window of some width; whatever goes wrong in the page fails the test."""
    mishaps, requests, windows = [], [], []

    def open_page(width=1200):
        window = browser.new_page(viewport=dict(width=width, height=800))
        window.on('console', lambda message: mishaps.append(message.text))
        window.on('pageerror', lambda error: mishaps.append(str(error)))
        window.on('dialog', lambda dialog: mishaps.append(dialog.message))
        window.on('request', lambda request: requests.append(request.url))
        window.goto(page_file.as_uri())
        windows.append(window)
        return window

    yield open_page
    for window in windows:
        window.close()
    assert mishaps == []
    assert [url for url in requests if not url.startswith('data:')] == [page_file.as_uri()]


def test_browser_loads_the_page_and_runs_nothing_of_the_names(visit):
    window = visit()
    assert window.title() == f'Tiny {HOSTILE}'
    assert window.eval_on_selector_all('img', 'all => all.filter(one => one.src && !one.naturalWidth).length') == 0


def test_browser_sorts_tables(visit):
    window = visit()
    table = window.locator('#joints ~ .scroll').first
    cells, header = table.locator('tbody tr'), table.locator('th button')

    def values(index):
        return cells.evaluate_all(f'rows => rows.map(row => row.cells[{index}].dataset.value ?? "")')

    assert header.count() == 3
    for order in (-1, 1):
        header.nth(2).click()
        found = values(2)
        numbers = [float(value) for value in found if value]
        assert len(numbers) > 5
        assert numbers == sorted(numbers)[::order]
        assert found[:len(numbers)] == [value for value in found if value]  # those without a label come last
    header.nth(0).click()
    names = cells.evaluate_all('rows => rows.map(row => row.cells[0].textContent)')
    assert names == sorted(names, reverse=True)


@pytest.mark.parametrize('sort', [
    pytest.param(lambda header: header.click(position=dict(x=2, y=2)), id='beside the words'),
    pytest.param(lambda header: header.locator('button').press('Enter'), id='by a key'),
])
def test_browser_sorts_once_wherever_a_heading_is_hit(visit, sort):
    header = visit().locator('#joints ~ .scroll').first.locator('thead th').nth(2)
    assert header.get_attribute('aria-sort') is None
    sort(header)
    assert header.get_attribute('aria-sort') == 'descending'


def test_browser_opens_pictures(visit):
    window = visit()
    picture = window.locator('#changes ~ details .picture').first
    assert not window.locator('dialog').is_visible()
    picture.click()
    opened = window.locator('dialog img')
    assert opened.is_visible()
    assert opened.get_attribute('src') == picture.locator('img').get_attribute('src')
    assert opened.bounding_box()['width'] > 1.5 * picture.bounding_box()['width']
    window.keyboard.press('Escape')
    assert not opened.is_visible()


@pytest.mark.parametrize('width', [320, 375, 1200])
def test_browser_needs_no_horizontal_scrolling_of_the_page(width, visit):
    window = visit(width)
    window.eval_on_selector_all('details', 'all => all.forEach(one => one.open = true)')
    assert window.evaluate('document.documentElement.scrollWidth') <= width
    wide = window.eval_on_selector_all('.scroll', 'all => all.some(one => one.scrollWidth > one.clientWidth)')
    assert wide or width > 375  # tables scroll in boxes of their own
