"""The study runner, on small models and drawn people."""
import json
import re
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import tiny
from matplotlib.colors import to_hex
from mmengine.config import Config
from scipy.stats import ttest_rel

from mmpose_kd.errors import ConfigError
from mmpose_kd.machine import commit
from mmpose_kd.report import Options, read_folders
from mmpose_kd.report import write_report as write_page
from mmpose_kd.study import check_results, collect, load_plan, train_all, write_results
from mmpose_kd.study.report import table
from mmpose_kd.study.state import lock, saved_epochs, state_of
from mmpose_kd.summary import summarise

RESULTS = Path(__file__).resolve().parent.parent / 'docs' / 'results'
STUDIES = sorted(file for file in RESULTS.glob('*/*.py') if file.name != 'protocol.py')
ALONE = dict(alone=dict(config='alone.py', label='only'))
DISTILLED = dict(
    type='MultiKDDistiller',
    teacher=dict(config='teacher.py', checkpoint='overwritten'),
    objectives=dict(loss_kd=dict(type='OutputObjective')))


@pytest.fixture
def study(tmp_path):
    """A function that writes a study file of changes to one with a teacher, a student alone and one distilled."""
    models = dict(teacher=tiny.pose_model(8), alone=tiny.pose_model(), kd=dict(tiny.pose_model(), **DISTILLED))
    for name, model in models.items():
        cfg = tiny.runner_cfg(model, 'unused', epochs=2)
        cfg.pop('work_dir')
        cfg.custom_imports = dict(imports=['mmpose_kd'])
        cfg.dump(str(tmp_path / f'{name}.py'))

    def write(**changes):
        entries = dict(
            seeds=[0, 1], baseline='alone', metrics=dict(PCK='PCK@0.2'), runs=dict(
                teacher=dict(config='teacher.py', seeds=[0]),
                alone=dict(config='alone.py', label='student'),
                kd=dict(config='kd.py', cfg_options={'model.teacher.checkpoint': '{checkpoint:teacher}'})))
        entries.update(changes)
        (tmp_path / 'study.py').write_text('\n'.join(f'{key} = {value!r}' for key, value in entries.items()))
        return load_plan(str(tmp_path / 'study.py'))

    return write


def test_the_first_seed_of_every_run_comes_before_the_second_of_any(study):
    order = [(run.name, run.seed) for run in study().runs]
    assert order == [('teacher', 0), ('alone', 0), ('kd', 0), ('alone', 1), ('kd', 1)]


def test_a_checkpoint_is_that_of_the_only_seed_or_of_the_same(study):
    plan = study(runs=dict(
        alone=dict(config='alone.py'), kd=dict(config='kd.py', cfg_options={'load_from': '{checkpoint:alone}'})))
    assert [(run.name, need.seed) for run in plan.runs for need in run.needs] == [('kd', 0), ('kd', 1)]
    assert [need.seed for run in study().runs for need in run.needs] == [0, 0]


load_study = cache(lambda file: load_plan(str(file)))  # reads many configs


@pytest.mark.parametrize('file', [file for file in STUDIES if file.with_suffix('.json').is_file()],
                         ids=lambda file: f'{file.parent.name}-{file.stem}')
def test_the_results_of_the_docs_are_those_of_their_studies(file):
    stored = {(run['name'], run['seed'], run['label'], run['baseline'])
              for run in json.loads(file.with_suffix('.json').read_text())['runs']}
    unfinished = {'alone-lite-lr4e-3', 'alone-lite-lr8e-3'} if file.match('lspet-64x64/tune.py') else set()
    assert stored == {(run.name, run.seed, run.label, run.baseline)
                      for run in load_study(file).runs if run.name not in unfinished}


@pytest.mark.parametrize('file', STUDIES, ids=lambda file: f'{file.parent.name}-{file.stem}')
def test_the_studies_of_the_docs_change_what_their_configs_have(file):
    changed = {(run.config, key) for run in load_study(file).runs for options in run.options for key in options}
    configs = {config: Config.fromfile(str(config)) for config, _ in changed}
    assert [(config.stem, key) for config, key in changed if not _has(configs[config], key.split('.')[:-1])] == []


def _has(cfg, path):
    for key in path:
        key = int(key) if isinstance(cfg, list) else key
        if key not in (range(len(cfg)) if isinstance(cfg, list) else cfg):
            return False
        cfg = cfg[key]
    return True


@pytest.mark.parametrize('changes, message', [
    (dict(seed=[0]), 'unknown key "seed". Did you mean .seeds'),
    (dict(metrics={'coco/AP': 3}), "metrics: 'coco/AP': 3 given, expected a name in the log"),
    (dict(cfg_options={1: 2}), 'cfg_options: 1 given, expected a dotted key'),
    (dict(baseline='alon'), 'baseline="alon" is none of the runs. Did you mean .alone'),
    (dict(metrics={}), 'metrics is not given'),
    (dict(metrics=['PCK']), r"metrics=\['PCK'\] given, expected a dict"),
    (dict(seeds=3), 'seeds=3 given, expected a list'),
    (dict(seeds=[1, 1]), 'runs.alone: seed 1 is listed twice'),
    (dict(runs=['alone.py']), r"runs=\['alone.py'\] given, expected a dict"),
    (dict(runs=dict(alone='alone.py')), "runs.alone='alone.py' given, expected a dict with config, "),
    (dict(runs=dict(alone={})), 'runs.alone: config is not given'),
    (dict(runs={50: dict(config='alone.py')}), "runs.50: a run's name is a text, got the int 50"),
    (dict(runs=dict(alone=dict(config='alone.py', seeds=[]))), r'runs.alone: seeds=\[\]: expected at least one'),
    (dict(runs=dict(alone=dict(config='alone.py', label=1))), 'runs.alone: label=1 given, expected a string'),
    (dict(runs=dict(alone=dict(config='absent.py'))), r'runs.alone: config ".*absent.py" does not exist'),
    (dict(cfg_options={'train_cfgs.max_epochs': 1}),
     'runs.teacher: config ".*teacher.py": the option train_cfgs.max_epochs .* Did you mean .train_cfg'),
    (dict(cfg_options={'train_cfg': dict(_delete_=True, by_epoch=False, max_iters=10)}),
     'runs.teacher: ".*teacher.py" has no train_cfg.max_epochs'),
    (dict(cfg_options={'train_cfg.max_epochs': 2.5}),
     'runs.teacher: train_cfg.max_epochs=2.5: expected a whole number of at least 1'),
    (dict(cfg_options={'optim_wrapper.optimizer.lr': '2e-3'}),  # what YAML makes of 2e-3
     "the option optim_wrapper.optimizer.lr is the text '2e-3', where there was the number 0.001. .* as in 2.0e-03"),
    (dict(runs=dict(alone=dict(config='alone.py'), kd=dict(config='alone.py', seeds=[5, 6]))),
     r'runs.kd: its baseline "alone" has the seeds \[0, 1\] and none of its own, \[5, 6\]'),
    (dict(cfg_options={'train_cfg.max_epochs': 0}), 'runs.teacher: train_cfg.max_epochs=0: expected a whole number'),
    (dict(cfg_options={'custom_hooks': [dict(type='EarlyStoppingHook', monitor='PCK')]}),
     'runs.teacher: custom_hooks has an EarlyStoppingHook'),
    (dict(cfg_options=dict(visualizer=dict(vis_backends=[dict(type='WandbVisBackend')]))),
     'runs.teacher: visualizer.vis_backends has no LocalVisBackend'),
    (dict(cfg_options={'default_hooks.logger.log_metric_by_epoch': False}),
     'runs.teacher: default_hooks.logger=.* logs no metrics by epoch'),
    (dict(runs=dict(alone=dict(config='alone.py', epochs=3))), 'runs.alone: unknown key "epochs"'),
    (dict(runs=dict(alone=dict(config='alone.py', cfg_options={'load_from': '{checkpoint:teacher}'}))),
     'needs a run "teacher" above it'),
])
def test_mistakes_in_a_study_are_named(study, changes, message):
    with pytest.raises(ConfigError, match=message):
        study(**changes)


def test_every_seed_and_run_gets_the_options_of_the_study(study):
    schedule = dict(_delete_=True, type='ConstantLR', factor=0.5)
    decay = dict(optimizer=dict(weight_decay=0.1))
    plan = study(cfg_options=dict(param_scheduler=schedule, optim_wrapper=decay), runs=dict(
        alone=dict(config='alone.py'), kd=dict(config='alone.py', cfg_options={'optim_wrapper.optimizer.lr': 0.5})))
    cfgs = [run.cfg() for run in plan.runs]
    assert [(run.name, cfg.optim_wrapper.optimizer.lr) for run, cfg in zip(plan.runs, cfgs)] == [
        ('alone', 1e-3), ('kd', 0.5), ('alone', 1e-3), ('kd', 0.5)]
    assert [cfg.optim_wrapper.optimizer.weight_decay for cfg in cfgs] == [0.1] * 4
    assert [cfg.param_scheduler for cfg in cfgs] == [dict(type='ConstantLR', factor=0.5)] * 4


def test_options_of_a_run_come_on_top_of_those_of_the_study(study):
    own = dict(train_cfg=dict(val_interval=7))
    alone, kd = study(seeds=[0], cfg_options={'train_cfg.max_epochs': 1}, runs=dict(
        alone=dict(config='alone.py'), kd=dict(config='alone.py', cfg_options=own))).runs
    assert [run.cfg().train_cfg.max_epochs for run in (alone, kd)] == [1, 1]
    assert kd.cfg().train_cfg.val_interval == 7


def test_a_config_may_be_one_of_mmposes(study):
    stock = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py'
    run = next(run for run in study(runs=dict(alone=dict(config=stock))).runs)
    assert run.epochs == 210 and run.config.name == stock.rsplit('/', 1)[1]
    with pytest.raises(ConfigError, match='runs.alone: config "mmpose::body_2d_keypoint/absent.py" does not exist'):
        study(runs=dict(alone=dict(config='mmpose::body_2d_keypoint/absent.py')))


def test_a_run_may_have_any_name(study):
    plan = study(seeds=[0], runs=dict(alone=dict(config='alone.py'), Müller=dict(config='teacher.py'), kd=dict(
        config='kd.py', cfg_options={'model.teacher.checkpoint': '{checkpoint:Müller}'})))
    assert [need.name for need in plan.runs[2].needs] == ['Müller']


def test_the_hash_changes_with_the_config_and_with_that_of_the_teacher(study):
    kd = study().runs[2].hash()
    assert study().runs[2].hash() == kd
    assert study(cfg_options={'train_cfg.max_epochs': 3}).runs[2].hash() != kd
    longer = study(runs=dict(
        teacher=dict(config='teacher.py', seeds=[0], cfg_options={'train_cfg.max_epochs': 3}),
        alone=dict(config='alone.py'),
        kd=dict(config='kd.py', cfg_options={'model.teacher.checkpoint': '{checkpoint:teacher}'})))
    assert longer.runs[2].hash() != kd


def test_the_hash_does_not_change_with_the_folders_of_teacher_and_data(study):
    def kd(file, cache='cache'):
        return study(cfg_options={'model.teacher.checkpoint': file, 'model.teacher.cache': cache}, runs=dict(
            alone=dict(config='alone.py'), kd=dict(config='kd.py'))).runs[1].hash()

    assert kd('/here/t.pth') == kd('/there/and/there/t.pth') == kd('below/t.pth', '/there/cache')
    assert kd('/here/t.pth') != kd('/here/another.pth')


def test_the_hash_does_not_change_with_the_way_in_which_the_data_folder_is_written(study):
    def alone(folder, file='val.json'):
        return study(cfg_options={
            'train_dataloader.dataset.data_root': folder, 'val_evaluator.ann_file': f'{folder}/annotations/{file}'
        }).runs[1].hash()

    assert alone('data/lspet') == alone('data/lspet/') == alone('../data/lspet') == alone('/data/lspet')
    assert alone('data/lspet') != alone('data/lsp') and alone('data/lspet') != alone('data/lspet', 'test.json')


def test_a_checkpoint_is_filled_in_however_deep_its_place_is(study):
    kd = study(runs=dict(teacher=dict(config='teacher.py', seeds=[0]), alone=dict(config='alone.py'), kd=dict(
        config='kd.py', cfg_options={'model.teacher': dict(config='t.py', checkpoint='{checkpoint:teacher}')}))).runs[2]
    assert kd.cfg({'teacher': '/t/epoch_2.pth'}).model.teacher.checkpoint == '/t/epoch_2.pth'


def test_differences_are_paired_by_seed_and_have_students_interval():
    alone, ours = [0.50, 0.53, 0.48], [0.55, 0.56, 0.545]
    runs = [dict(name=name, baseline='alone', seed=seed, metrics=dict(PCK=value))
            for name, values in (('alone', alone), ('ours', ours)) for seed, value in enumerate(values)]
    row = summarise(runs, ['PCK'])['ours']['PCK']
    interval = ttest_rel(ours, alone).confidence_interval(0.95)
    assert (row['difference'] - row['interval'], row['difference'] + row['interval']) == pytest.approx(interval)
    assert (row['mean'], row['std']) == pytest.approx((0.551667, 0.0076376), rel=1e-4)


def test_a_run_may_have_a_baseline_of_its_own(study):
    runs = dict(teacher=dict(config='teacher.py'), alone=dict(config='alone.py'),
                kd=dict(config='alone.py', baseline='teacher'))
    assert [run.baseline for run in study(seeds=[0], runs=runs).runs] == ['alone', 'alone', 'teacher']
    scores = [dict(name=name, baseline=baseline, seed=0, metrics=dict(PCK=value)) for name, baseline, value in (
        ('teacher', 'alone', 0.7), ('alone', 'alone', 0.5), ('kd', 'teacher', 0.6))]
    assert summarise(scores, ['PCK'])['kd']['PCK']['difference'] == pytest.approx(-0.1)
    runs['kd']['baseline'] = 'teachr'
    with pytest.raises(ConfigError, match='runs.kd: baseline="teachr" is none of the runs'):
        study(runs=runs)


def test_a_single_seed_has_no_interval():
    runs = [dict(name=name, baseline='alone', seed=0, metrics=dict(PCK=value))
            for name, value in (('alone', 0.5), ('ours', 0.6))]
    row = summarise(runs, ['PCK'])['ours']['PCK']
    assert (row['difference'], row['interval'], row['std']) == (pytest.approx(0.1), None, None)


def test_a_study_trains_and_reports_and_trains_nothing_twice(study, tmp_path):
    plan, out = study(seeds=[0]), tmp_path / 'out'
    assert train_all(plan, out, jobs=1) == []
    checkpoints = {file: file.stat().st_mtime_ns for file in out.rglob('epoch_2.pth')}
    assert len(checkpoints) == 3
    assert train_all(plan, out) == []
    assert {file: file.stat().st_mtime_ns for file in out.rglob('epoch_2.pth')} == checkpoints
    write_results(collect(plan, out), out)
    results = json.loads((out / 'results.json').read_text())
    assert [(run['name'], list(run['curve'])) for run in results['runs']] == [
        ('teacher', ['1', '2']), ('alone', ['1', '2']), ('kd', ['1', '2'])]
    assert all(run['seconds'] > 0 and run['peak_memory_mb'] > 100 for run in results['runs'])
    log, = (out / plan.runs[0].folder).glob('*/vis_data/scalars.json')
    with log.open('a') as file:  # as MMEngine logs it on a GPU
        file.write('{"loss": 0.1, "memory": 61, "step": 1}\n{"loss": 0.1, "memory": 54, "step": 2}\n')
    assert [run['peak_memory_mb'] == 61 for run in collect(plan, out)['runs']] == [True, False, False]
    assert all(len(run['commits']) == 1 for run in results['runs'])
    assert re.fullmatch(r'([0-9a-f]{12}( with changes)?)?', results['runs'][0]['commits'][0])
    assert all(run['versions'] == [results['versions']] for run in results['runs'])
    alone, kd = (run['metrics']['PCK'] for run in results['runs'][1:])
    assert results['summary']['kd']['PCK']['difference'] == pytest.approx(kd - alone)
    assert f'| student |  | 1 | {100 * alone:.1f} |' in (out / 'results.md').read_text()
    assert (out / 'results.png').stat().st_size > 10000
    with pytest.raises(ConfigError, match='was trained with another config'):
        train_all(study(seeds=[0], cfg_options={'optim_wrapper.optimizer.lr': 2e-3}), out)
    with pytest.raises(ConfigError, match='was trained with another config'):
        collect(study(seeds=[0], cfg_options={'optim_wrapper.optimizer.lr': 2e-3}), out)
    with pytest.raises(ConfigError, match='metrics: "PKC" was not logged after the last epoch, .*Did you mean .PCK'):
        collect(study(seeds=[0], metrics=dict(PKC='PCK')), out)
    stop_in_the_last_validation(plan.runs[2], out)
    with pytest.raises(ConfigError, match='metrics: "PCK" was not logged after the last epoch, only nothing'):
        collect(plan, out)
    write_results(results, out)
    shutil.move(out / plan.runs[1].folder, tmp_path / 'elsewhere')  # what it came to is kept
    assert collect(study(seeds=[0], runs=ALONE), out)['runs'] == [dict(results['runs'][1], label='only')]
    with pytest.raises(ConfigError, match='seed_0 is gone, and "results.json" kept no "AUC" of it, only PCK'):
        collect(study(seeds=[0], runs=ALONE, metrics=dict(AUC='AUC')), out)
    stored = json.loads((out / 'results.json').read_text())
    (out / 'results.json').write_text(json.dumps(dict(stored, runs=[
        {key: value for key, value in run.items() if key != 'metrics'} for run in stored['runs']])))  # edited
    with pytest.raises(ConfigError, match='kept no "PCK" of it, only nothing'):
        collect(study(seeds=[0], runs=ALONE), out)
    (out / 'results.json').write_text(json.dumps(stored))
    assert collect(study(seeds=[0], runs=ALONE, cfg_options={'optim_wrapper.optimizer.lr': 2e-3}), out)['runs'] == []
    shutil.move(tmp_path / 'elsewhere', out / plan.runs[1].folder)
    (out / plan.runs[2].folder / 'state.json').unlink()
    (out / plan.runs[2].folder / 'epoch_1.pth').unlink(missing_ok=True)  # with the last alone it is validated again
    assert train_all(plan, out) == []
    assert collect(plan, out)['runs'][2]['metrics'] == results['runs'][2]['metrics']  # bit for bit


def stop_in_the_last_validation(run, out):
    """Leave a run as one that was killed after its last checkpoint and before its last metrics."""
    for file in (out / run.folder).glob('*/vis_data/scalars.json'):
        lines = [line for line in file.read_text().splitlines() if 'PCK' not in line or json.loads(line)['step'] != 2]
        file.write_text('\n'.join([*lines, '{"half a li']))


@pytest.mark.parametrize('content', ['{"ha', '[1]', '{}'])
def test_a_damaged_state_is_named(study, tmp_path, content):
    run = study().runs[0]
    (tmp_path / 'out' / run.folder).mkdir(parents=True)
    (tmp_path / 'out' / run.folder / 'state.json').write_text(content)
    with pytest.raises(ConfigError, match='state.json" does not hold what the study keeps of a run.*Delete the folder'):
        state_of(run, tmp_path / 'out')


def test_a_run_that_fails_takes_only_those_with_it_that_need_it(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', '''
import sys
sys.exit('no such optimizer [vit] [/usr/lib]' if 'teacher' in sys.argv[1] else 0)'''])
    plan = study(seeds=[0])
    assert [run.name for run in train_all(plan, tmp_path / 'out')] == ['teacher', 'kd']
    said = capsys.readouterr().out
    assert 'teacher, seed 0: failed (exit code 1), see ' in said and 'no such optimizer [vit] [/usr/lib]' in said
    assert 'kd, seed 0: not begun, as it needs the checkpoint of "teacher"' in said
    assert [bool(state_of(run, tmp_path / 'out').get('finished')) for run in plan.runs] == [False, True, False]


@pytest.mark.parametrize('number, name', [
    (signal.SIGKILL, 'SIGKILL - out of memory? Then fewer --jobs help'),
    (signal.SIGRTMIN + 3, f'{signal.SIGRTMIN + 3}, see')], ids=['kill', 'real-time'])
def test_a_run_that_the_system_kills_is_called_so(number, name, study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [
        sys.executable, '-c', f'import os; os.kill(os.getpid(), {int(number)})'])
    train_all(study(seeds=[0], runs=dict(alone=dict(config='alone.py'))), tmp_path)
    assert f'alone, seed 0: killed by signal {name}' in capsys.readouterr().out


def test_a_run_that_failed_before_its_first_checkpoint_may_be_corrected(study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', 'import sys; sys.exit(1)'])
    runs = dict(alone=dict(config='alone.py'))
    assert len(train_all(study(seeds=[0], runs=runs), tmp_path / 'out')) == 1
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', ''])
    plan = study(seeds=[0], runs=runs, cfg_options={'optim_wrapper.optimizer.lr': 2e-3})
    assert train_all(plan, tmp_path / 'out') == []
    assert state_of(plan.runs[0], tmp_path / 'out')['hash'] == plan.runs[0].hash()


def test_attempts_have_names_in_their_order_wherever_they_run(study, tmp_path, monkeypatch):
    monkeypatch.setenv('TZ', 'Asia/Shanghai')
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [
        sys.executable, '-c', 'import time; print(time.localtime().tm_zone)'])
    plan = study(seeds=[0], runs=ALONE)
    train_all(plan, tmp_path)
    assert (tmp_path / plan.runs[0].folder / 'train.log').read_text() == 'UTC\n'


def test_copies_of_checkpoints_are_no_checkpoints_of_the_run(tmp_path):
    for name in ('epoch_2.pth', 'epoch_10.pth', 'epoch_10 (copy).pth', 'epoch_10-36af842e_20220909.pth'):
        (tmp_path / name).touch()
    assert sorted(saved_epochs(tmp_path)) == [2, 10]


@pytest.mark.parametrize('stopped', [False, True])
def test_a_run_starts_from_load_from_unless_it_has_a_checkpoint(stopped, study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', 'import sys; print(*sys.argv)'])
    run, = study(seeds=[0], runs=dict(alone=dict(config='alone.py', cfg_options=dict(load_from='start.pth')))).runs
    folder = tmp_path / 'out' / run.folder
    folder.mkdir(parents=True)
    if stopped:
        (folder / 'last_checkpoint').write_text('epoch_1.pth')
    train_all(study(seeds=[0], runs=dict(alone=dict(
        config='alone.py', cfg_options=dict(load_from='start.pth')))), tmp_path / 'out')
    assert ('--resume auto' in (folder / 'train.log').read_text()) == stopped


def test_what_the_call_after_a_run_raises_stops_the_study_and_keeps_the_run(study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', ''])
    plan, out = study(seeds=[0]), tmp_path / 'out'

    def finished():
        raise ConfigError('metrics: "PKC" was not logged')

    with pytest.raises(ConfigError, match='PKC'):
        train_all(plan, out, finished=finished)
    assert [bool(state_of(run, out).get('finished')) for run in plan.runs] == [True, False, False]
    calls = []
    train_all(plan, out, finished=lambda: calls.append(len(calls)))
    assert calls == [0, 1]


def test_what_another_config_left_is_moved_aside_to_be_trained_anew(study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', ''])
    out = tmp_path / 'out'
    train_all(study(seeds=[0]), out)
    other = study(seeds=[0], cfg_options={'optim_wrapper.optimizer.lr': 2e-3})
    assert train_all(other, out, redo=True) == []
    assert len(list((out / 'runs/alone').iterdir())) == 2
    assert state_of(other.runs[1], out)['hash'] == other.runs[1].hash()


TRAINED = '''
import os, re, sys
folder = sys.argv[sys.argv.index('--work-dir') + 1]
epochs = re.search('max_epochs=([0-9]+)', open(sys.argv[1]).read())[1]
with open(os.path.join(folder, f'epoch_{epochs}.pth'), 'wb') as file:
    file.write(os.urandom(8))'''


@pytest.mark.parametrize('lost', ['folder', 'checkpoint'])
def test_students_of_a_teacher_that_is_trained_anew_are_not_kept(lost, study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', TRAINED])
    plan, out = study(seeds=[0]), tmp_path / 'out'
    assert train_all(plan, out) == [] and train_all(plan, out) == []
    if lost == 'folder':
        shutil.rmtree(out / plan.runs[0].folder)
    else:
        (out / plan.runs[0].folder / 'epoch_2.pth').write_bytes(b'another')
    with pytest.raises(ConfigError, match='kd/seed_0 was trained with (the|another) checkpoint of "teacher"'):
        train_all(plan, out)
    before = {file: file.stat().st_mtime_ns for file in out.rglob('epoch_2.pth')}
    assert train_all(plan, out, redo=True) == []
    anew = {file.parts[-3] for file in out.rglob('seed_0/epoch_2.pth') if before.get(file) != file.stat().st_mtime_ns}
    assert anew == ({'teacher', 'kd'} if lost == 'folder' else {'kd'})


def test_what_is_being_trained_is_not_moved_aside(study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', ''])
    out = tmp_path / 'out'
    train_all(study(seeds=[0]), out)
    other = study(seeds=[0], cfg_options={'optim_wrapper.optimizer.lr': 2e-3})
    with lock(out / other.runs[0].folder):  # by a training that outlived its study
        with pytest.raises(ConfigError, match='another process trains in .*teacher/seed_0'):
            train_all(other, out, redo=True)
        assert len(list((out / 'runs/teacher').iterdir())) == 1
    assert train_all(other, out, redo=True) == []


def test_another_teacher_under_the_same_name_is_another_run(study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', ''])
    files = [tmp_path / name / 'teacher.pth' for name in 'ab']
    for file in files:
        file.parent.mkdir()
        file.write_text('1')

    def plan(file):
        runs = dict(kd=dict(config='kd.py', cfg_options={'model.teacher.checkpoint': str(file)}))
        return study(seeds=[0], baseline='kd', runs=runs)

    train_all(plan(files[0]), tmp_path / 'out')
    state = state_of(plan(files[0]).runs[0], tmp_path / 'out')
    assert state['files']['teacher checkpoint'] == '83dcefb7'  # the CRC-32 of "1"
    assert train_all(plan(files[1]), tmp_path / 'out') == []  # it may lie elsewhere
    files[1].write_text('2')
    with pytest.raises(ConfigError, match='was trained with another teacher checkpoint of that name'):
        train_all(plan(files[1]), tmp_path / 'out')


def test_other_initial_weights_and_other_annotations_of_one_name_are_another_run(study, tmp_path):
    def files(folder):
        options = {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint=str(tmp_path / folder / 'best.pth')),
                   'val_dataloader.dataset.ann_file': str(tmp_path / folder / 'val.json')}
        run = study(runs=dict(alone=dict(config='alone.py', cfg_options=options))).runs[0]
        return run.hash(), run.files()

    for folder, content in (('a', 'one'), ('b', 'two'), ('c', 'one')):
        (tmp_path / folder).mkdir()
        for name in ('best.pth', 'val.json'):
            (tmp_path / folder / name).write_text(content)
    (hash_a, files_a), (hash_b, files_b) = files('a'), files('b')
    assert hash_a == hash_b
    assert {key for key in files_a if files_a[key] != files_b[key]} == {
        'model.backbone.init_cfg.checkpoint', 'val_dataloader.dataset.ann_file'}
    assert files('c') == (hash_a, files_a)


@pytest.mark.parametrize('content, message', [
    ('{"teacher": []}', 'does not list the runs of a study'), ('[]', 'does not list the runs of a study'),
    ('{"runs": [{"na', 'was cut off or edited'),
    ('{"runs": [{"name": "other"}]}', 'holds the results of something else')])
def test_results_of_something_else_are_not_replaced(content, message, study, tmp_path):
    plan = study()
    check_results(plan, tmp_path)
    (tmp_path / 'results.json').write_text('{"runs": [{"name": "kd"}, {"name": "a run that went"}]}')
    check_results(plan, tmp_path)
    (tmp_path / 'results.json').write_text(content)
    with pytest.raises(ConfigError, match=f'results.json" .*{message}'):
        check_results(plan, tmp_path)


def test_a_teacher_whose_model_was_changed_is_another_one(study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', ''])
    file = tmp_path / 'my_teacher.py'

    def plan(model, around):
        file.write_text(f'model = dict(type="TopdownPoseEstimator", {model})\n{around}')
        options = {'model.teacher.config': str(file), 'model.teacher.checkpoint': '{checkpoint:alone}'}
        return study(seeds=[0], runs=dict(alone=dict(config='alone.py'), kd=dict(config='kd.py', cfg_options=options)))

    train_all(plan('test_cfg=dict(flip_test=True)', ''), tmp_path / 'out')
    assert train_all(plan('test_cfg=dict(flip_test=True)', 'work_dir = "elsewhere"'), tmp_path / 'out') == []
    with pytest.raises(ConfigError, match='kd/seed_0 was trained with another teacher config of that name'):
        train_all(plan('test_cfg=dict(flip_test=False)', ''), tmp_path / 'out')


def test_the_configs_of_teachers_are_read_once(study, monkeypatch):
    read = []
    monkeypatch.setattr('mmpose_kd.study.plan._checksum_of_model', lambda config: read.append(config) or 'a')
    kd = study(seeds=[0]).runs[2]
    assert kd.files() == kd.files() == {'teacher config': 'a'}
    assert [Path(config).name for config in read] == ['teacher.py']


def test_a_run_keeps_the_config_that_it_had_when_the_study_was_read(study, tmp_path):
    plan = study(seeds=[0])
    file = tmp_path / 'kd.py'
    file.write_text(file.read_text() + "\noptim_wrapper['optimizer']['lr'] = 123.")  # edited while others train
    run = plan.runs[2]
    cfg = run.cfg({'teacher': 'there.pth'})
    assert (cfg.optim_wrapper.optimizer.lr, cfg.model.teacher.checkpoint) == (1e-3, 'there.pth')
    assert run.cfg().model.teacher.checkpoint == '{checkpoint:teacher}'
    assert study(seeds=[0]).runs[2].hash() != run.hash()


def test_each_of_several_jobs_has_its_gpu(study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [
        sys.executable, '-c', 'import os, time; time.sleep(3); print("GPU", os.environ.get("CUDA_VISIBLE_DEVICES"))'])
    monkeypatch.setattr('torch.cuda.device_count', lambda: 2)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    plan, out = study(seeds=[0], runs=dict(alone=dict(config='alone.py'), teacher=dict(config='teacher.py'))), tmp_path

    def used():
        return sorted((out / run.folder / 'train.log').read_text() for run in plan.runs)

    train_all(plan, out, jobs=2)
    assert used() == ['GPU 0\n', 'GPU 1\n']
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '5,7')
    train_all(plan, out / 'chosen', jobs=2)
    out /= 'chosen'
    assert used() == ['GPU 5\n', 'GPU 7\n']


def test_cores_are_shared_among_the_runs_that_there_are(study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [
        sys.executable, '-c', 'import os; print(os.environ["OMP_NUM_THREADS"])'])
    monkeypatch.setattr('mmpose_kd.study.train.cores', lambda: 8)
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    plan = study(seeds=[0], runs=dict(alone=dict(config='alone.py'), teacher=dict(config='teacher.py')))
    train_all(plan, tmp_path, jobs=8)
    assert [(tmp_path / run.folder / 'train.log').read_text() for run in plan.runs] == ['4\n', '4\n']


@pytest.mark.parametrize('option', ['randomness.seed', 'work_dir', 'resume'])
def test_what_the_study_sets_itself_is_no_option(study, option):
    with pytest.raises(ConfigError, match=f'runs.alone: cfg_options.{option}: '):
        study(runs=dict(alone=dict(config='alone.py', cfg_options={option: 7})))


def finish(run, out):
    """Leave a run as one that is finished."""
    (out / run.folder / 'attempt/vis_data').mkdir(parents=True)
    (out / run.folder / 'attempt/vis_data/scalars.json').write_text('{"PCK": 0.5, "step": 2}')
    (out / run.folder / 'state.json').write_text(json.dumps(
        dict(hash=run.hash(), files=run.files(), finished=True, seconds=1., peak_memory_mb=1.)))


def test_options_that_json_does_not_have_are_told_as_text(study, tmp_path):
    options = {'train_dataloader.dataset.indices': range(4)}
    plan = study(seeds=[0], runs=ALONE, cfg_options=options)
    finish(plan.runs[0], tmp_path)
    assert collect(plan, tmp_path)['runs'][0]['options'] == {'train_dataloader.dataset.indices': 'range(0, 4)'}


def test_results_of_other_initial_weights_are_not_kept(study, tmp_path):
    start, out = tmp_path / 'start.pth', tmp_path / 'out'
    start.write_text('some')
    plan = study(seeds=[0], runs=ALONE, cfg_options=dict(load_from=str(start)))
    finish(plan.runs[0], out)
    (out / 'results.json').write_text(json.dumps(collect(plan, out)))
    shutil.move(out / plan.runs[0].folder, tmp_path / 'aside')
    assert len(collect(plan, out)['runs']) == 1
    start.write_text('other')
    assert collect(plan, out)['runs'] == []


def test_two_processes_do_not_train_in_one_folder(study, tmp_path):
    plan, out = study(seeds=[0]), tmp_path / 'out'
    folder = out / plan.runs[0].folder
    folder.mkdir(parents=True)
    with lock(folder), pytest.raises(ConfigError, match='another process trains in .*teacher/seed_0'):
        train_all(plan, out)


def test_what_another_study_trained_while_a_run_waited_is_not_resumed(study, tmp_path, monkeypatch):
    plan, out = study(seeds=[0], runs=dict(ALONE, other=dict(config='alone.py'))), tmp_path / 'out'
    folder = out / plan.runs[1].folder
    folder.mkdir(parents=True)
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', f'''
from pathlib import Path
Path({str(folder)!r}, 'epoch_1.pth').touch()
Path({str(folder)!r}, 'state.json').write_text('{{"hash": "another"}}')'''])
    with pytest.raises(ConfigError, match='other/seed_0 was trained with another config: another, now'):
        train_all(plan, out)
    with lock(folder):  # which nobody holds any more
        pass


@pytest.mark.parametrize('lr, counts', [(1e-3, True), (2e-3, False)], ids=['same', 'corrected'])
def test_a_failed_attempt_counts_unless_its_config_was_another(lr, counts, study, tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_kd.study.train._TRAIN', [sys.executable, '-c', ''])
    options = {'optim_wrapper.optimizer.lr': 1e-3}
    run, = study(seeds=[0], runs=ALONE, cfg_options=options).runs
    (tmp_path / run.folder).mkdir(parents=True)
    (tmp_path / run.folder / 'state.json').write_text(json.dumps(
        dict(hash=run.hash(), finished=False, seconds=1e4, peak_memory_mb=1e6, machines=['elsewhere'])))
    plan = study(seeds=[0], runs=ALONE, cfg_options={'optim_wrapper.optimizer.lr': lr})
    train_all(plan, tmp_path)
    state = state_of(plan.runs[0], tmp_path)
    found = state['seconds'] > 1e4, state['peak_memory_mb'] == 1e6, 'elsewhere' in state['machines']
    assert state['finished'] and found == (counts, counts, counts)


def test_no_jobs_are_refused(study, tmp_path):
    with pytest.raises(ConfigError, match='--jobs 0: expected 1 or more'):
        train_all(study(), tmp_path, jobs=0)


def results_of(runs, metrics):
    """What a study finds, of its runs."""
    titles = {metric: metric for metric in metrics}
    return dict(title='', baseline='alone', metrics=titles, versions={}, runs=runs, summary=summarise(runs, metrics))


def finished(name='alone', seed=0, machines=('A', ), **metrics):
    return dict(name=name, label=name, baseline='alone', seed=seed, metrics=metrics, curve={'1': metrics}, seconds=60.,
                peak_memory_mb=1., machines=list(machines))


def test_only_metrics_between_0_and_1_are_shown_in_percent():
    text = table(results_of([finished(PCK=0.5, EPE=3.2)], ['PCK', 'EPE']))
    assert '| alone | 1 | 50.0 | 3.200 | 1.0 min | 1 MB |' in text


def test_a_table_and_a_page_have_the_same_cells(tmp_path):
    runs = [finished(name, seed, PCK=pck, EPE=epe) for name, seed, pck, epe in (
        ('alone', 0, 0.5, 3.1), ('alone', 1, 0.7, 3.3), ('kd', 0, 0.4996, 3.11), ('kd', 1, 0.6996, 3.31))]
    results = results_of([dict(run, config='a.py') for run in runs], ['PCK', 'EPE'])
    write_results(results, tmp_path)
    row = '| kd | alone | 2 | 60.0 ± 14.1 | 0.0 ± 0.0 | 3.210 ± 0.141 | +0.010 ± 0.000 | 1.0 min | 1 MB |'
    assert row in (tmp_path / 'results.md').read_text()  # a zero that was rounded to has no minus
    write_page(read_folders([str(tmp_path)]), tmp_path / 'report.html', Options(images=0))
    assert re.sub('</td><td.*?>', ' | ', (tmp_path / 'report.html').read_text()).count(row.strip('| ')) == 1


def test_a_plot_and_a_page_have_the_same_colours(tmp_path, monkeypatch):
    runs = [dict(finished(name, PCK=0.5), config='a.py') for name in ('kd', 'alone', 'at')]
    figures = figures_of(monkeypatch)
    write_results(results_of(runs, ['PCK']), tmp_path)
    monkeypatch.undo()
    expected = [('kd', '#1f77b4'), ('alone', '#000000'), ('at', '#ff7f0e')]
    assert [(line.get_label(), to_hex(line.get_color())) for line in figures[0].axes[0].lines] == expected
    write_page(read_folders([str(tmp_path)]), tmp_path / 'report.html', Options(images=0))
    legend = re.search('<ul class="legend">.*?</ul>', (tmp_path / 'report.html').read_text())[0]
    assert [pair[::-1] for pair in re.findall('background: (#.{6})"></i>(.+?)</li>', legend)] == expected


def test_a_plot_marks_each_validation_at_a_whole_epoch(tmp_path, monkeypatch):
    figures = figures_of(monkeypatch)
    once, thrice = finished(PCK=0.5), finished('kd', PCK=0.6)
    thrice['curve'] = {str(epoch): dict(PCK=0.1 * epoch) for epoch in (1, 2, 3)}
    write_results(results_of([once], ['PCK']), tmp_path)
    write_results(results_of([once, thrice], ['PCK']), tmp_path)
    for figure, epochs in zip(figures, ([1], [1, 2, 3])):
        axes = figure.axes[0]
        assert {line.get_marker() for line in axes.lines} == {'.'}  # a line has nothing to show of a single epoch
        low, high = axes.get_xlim()
        assert [place for place in axes.get_xticks() if low <= place <= high] == epochs


def test_the_legend_of_a_plot_covers_no_chart(tmp_path, monkeypatch):
    figures = figures_of(monkeypatch)
    runs = [dict(finished(f'run{i}', PCK=0.5), label=f'a student of {i} with a long label') for i in range(18)]
    write_results(results_of(runs, ['PCK']), tmp_path)
    figure = figures[0]
    figure.draw_without_rendering()
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    charts = [axes.get_tightbbox() for axes in figure.axes]
    assert len(legends) == 1 and not legends[0].get_window_extent().count_overlaps(charts)


def figures_of(monkeypatch):
    """The figures that are saved from now on."""
    figures = []
    monkeypatch.setattr('mmpose_kd.study.report.Figure.savefig', lambda figure, file, **kwargs: (
        figures.append(figure), file.touch()))
    return figures


def test_signs_of_tables_and_formulas_in_a_label_are_text(tmp_path):
    runs = [dict(finished(PCK=0.5), label='KD | T=4 $\\foo$')]
    write_results(dict(results_of(runs, ['PCK']), title='$\\bar'), tmp_path)
    assert '\n|---|---|---|---|---|\n| KD \\| T=4 $\\foo$ | 1 |' in (tmp_path / 'results.md').read_text()


def test_results_survive_a_plot_that_fails(tmp_path, monkeypatch):
    results = results_of([finished(PCK=0.5)], ['PCK'])
    write_results(results, tmp_path)
    before = (tmp_path / 'results.png').read_bytes()

    def stop(figure, file, **kwargs):
        file.write_bytes(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr('mmpose_kd.study.report.Figure.savefig', stop)
    with pytest.raises(KeyboardInterrupt):
        write_results(dict(results, title='later'), tmp_path)
    assert json.loads((tmp_path / 'results.json').read_text())['title'] == 'later'
    assert (tmp_path / 'results.png').read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ['results.json', 'results.md', 'results.png']


def test_a_package_that_has_no_repository_of_its_own_has_no_commit(tmp_path, monkeypatch):
    subprocess.run(['git', 'init', '-q', str(tmp_path)], check=True)
    subprocess.run(['git', '-C', str(tmp_path), '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-q',
                    '--allow-empty', '-m', 'theirs'], check=True)
    (tmp_path / 'site-packages' / 'mmpose_kd').mkdir(parents=True)
    monkeypatch.setattr('mmpose_kd.machine.__file__', str(tmp_path / 'site-packages' / 'mmpose_kd' / 'machine.py'))
    assert commit() == ''
    monkeypatch.setenv('PATH', '')
    assert commit() == ''


@pytest.mark.parametrize('seeds, text', [([0, 1, 2, 3, 4], '5 (2 paired)'), ([7], '1 (0 paired)')])
def test_seeds_that_the_baseline_lacks_are_told(seeds, text):
    runs = [finished(name, seed, PCK=0.5) for name, some in (('alone', [0, 1]), ('kd', seeds)) for seed in some]
    assert f'| kd | alone | {text} |' in table(results_of(runs, ['PCK']))


@pytest.mark.parametrize('several', [dict(machines=['A', 'B']), dict(versions=[dict(torch='2.1'), dict(torch='2.2')])])
def test_a_run_of_two_machines_or_versions_is_marked(several):
    text = table(results_of([dict(finished(PCK=0.5), **several)], ['PCK']))
    assert '| alone\\* | 1 |' in text and ('torch 2.1; torch 2.2' in text) == ('versions' in several)
