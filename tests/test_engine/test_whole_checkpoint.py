import functools
import os
from pathlib import Path

import pytest
import tiny
import torch
from mmengine.config import Config
from mmengine.fileio.backends import BaseStorageBackend, LocalBackend, backends
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from test_resume import ACCUMULATE, EMA, OBJECTIVES, equal

from mmpose_kd.checkpoint import load_checkpoint
from mmpose_kd.compat import is_ours
from mmpose_kd.engine.hooks.whole_checkpoint import WholeCheckpointHook, is_whole
from mmpose_kd.engine.runner import register_required_hooks
from mmpose_kd.errors import ConfigError


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    # the runner formats the config's text four times, which takes longer than the training
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True))


def config(folder, epochs=3, **checkpoint):
    teacher = dict(config=tiny.pose_model(8), allow_random_weights=True, report_metric=False)
    model = dict(tiny.pose_model(), type='MultiKDDistiller', teacher=teacher, objectives=OBJECTIVES)
    torch.manual_seed(3)
    torch.save(tiny.build(tiny.pose_model(8)).state_dict(), folder / 'teacher.pt')
    model['teacher'].update(checkpoint=str(folder / 'teacher.pt'), allow_random_weights=False)
    cfg = tiny.runner_cfg(model, folder / 'run', epochs, **EMA, **ACCUMULATE)
    cfg.default_hooks.checkpoint.update(checkpoint)
    return cfg


def names(folder):
    return sorted(path.name for path in (folder / 'run').iterdir() if path.is_file() and path.suffix != '.py')


class DiskFull:
    """Half of the checkpoint whose name has a certain text is written, and then there is no more space."""

    def __init__(self, monkeypatch, text):
        stock = LocalBackend.put

        def put(backend, data, path):
            if text not in str(path):
                return stock(backend, data, path)
            Path(path).write_bytes(data[:len(data) // 2])
            raise OSError(28, 'No space left on device')

        monkeypatch.setattr(LocalBackend, 'put', put)


def test_half_a_checkpoint_never_has_its_name(tmp_path, monkeypatch):
    DiskFull(monkeypatch, 'epoch_2.pth')
    with pytest.raises(OSError, match='No space'):
        tiny.run(config(tmp_path))
    assert names(tmp_path) == ['epoch_1.pth', 'epoch_2.pth.part', 'last_checkpoint']
    assert (tmp_path / 'run' / 'last_checkpoint').read_text() == str(tmp_path / 'run' / 'epoch_1.pth')


class Store(BaseStorageBackend):
    """Keeps files out of the folder that they are named in, as a store behind a network does."""

    root: Path
    join_path = staticmethod(os.path.join)

    def place(self, path):
        return self.root / Path(path).name

    def get(self, path):
        return self.place(path).read_bytes()

    def get_text(self, path):
        return self.place(path).read_text()

    def put(self, data, path):
        self.place(path).write_bytes(data)

    def isdir(self, path):
        return False

    def isfile(self, path):
        return self.place(path).is_file()

    def remove(self, path):
        self.place(path).unlink()


def test_a_store_that_arguments_name_gets_the_checkpoints(tmp_path, monkeypatch):
    Store.root = tmp_path / 'store'
    Store.root.mkdir()
    monkeypatch.setitem(backends, 'store', Store)
    tiny.run(config(tmp_path, 3, backend_args=dict(backend='store'), max_keep_ckpts=1))
    assert [file.name for file in Store.root.iterdir()] == ['epoch_3.pth']
    assert names(tmp_path) == ['last_checkpoint']


def test_the_oldest_is_removed_when_the_next_is_whole(tmp_path, monkeypatch):
    with monkeypatch.context() as full:
        DiskFull(full, 'epoch_3.pth')
        with pytest.raises(OSError, match='No space'):
            tiny.run(config(tmp_path, max_keep_ckpts=1))
    assert names(tmp_path) == ['epoch_2.pth', 'epoch_3.pth.part', 'last_checkpoint']
    tiny.run(config(tmp_path, max_keep_ckpts=1), resume=True)
    assert names(tmp_path) == ['epoch_3.pth', 'last_checkpoint']


def test_the_best_is_removed_when_the_better_is_whole(tmp_path, monkeypatch):
    cfg = config(tmp_path, save_best='PCK', rule='greater', max_keep_ckpts=1)
    scores = iter([0.1, 0.2, 0.3])
    monkeypatch.setattr('mmpose.evaluation.metrics.PCKAccuracy.compute_metrics', lambda *args: dict(PCK=next(scores)))
    DiskFull(monkeypatch, 'best_PCK_epoch_3.pth')
    with pytest.raises(OSError, match='No space'):
        tiny.run(cfg)
    assert 'best_PCK_epoch_2.pth' in names(tmp_path) and 'best_PCK_epoch_1.pth' not in names(tmp_path)


def test_the_best_of_a_run_in_another_folder_is_not_removed(tmp_path, monkeypatch):
    scores = iter([0.2, 0.1, 0.3])
    monkeypatch.setattr('mmpose.evaluation.metrics.PCKAccuracy.compute_metrics', lambda *args: dict(PCK=next(scores)))
    cfg = config(tmp_path, 2, save_best='PCK', rule='greater')
    tiny.run(cfg)
    last = str(tmp_path / 'run' / 'epoch_2.pth')
    tiny.run(cfg, resume=True, load_from=last, work_dir=str(tmp_path / 'longer'), **{'train_cfg.max_epochs': 3})
    assert (tmp_path / 'longer' / 'best_PCK_epoch_3.pth').is_file()
    assert 'best_PCK_epoch_1.pth' in names(tmp_path)


def test_a_best_metric_that_there_is_none_of_is_named(tmp_path):
    with pytest.raises(ConfigError, match='save_best="PKC": the evaluator returns no such metric, but PCK. Did you'):
        tiny.run(config(tmp_path, save_best='PKC', rule='greater'))
    assert names(tmp_path) == ['epoch_1.pth', 'last_checkpoint']


def test_one_name_for_all_checkpoints_is_kept(tmp_path):
    tiny.run(config(tmp_path, filename_tmpl='latest.pth', max_keep_ckpts=1))
    assert names(tmp_path) == ['last_checkpoint', 'latest.pth']
    assert load_checkpoint(str(tmp_path / 'run' / 'latest.pth'))['meta']['epoch'] == 3


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Three epochs without an interruption; the folder is for reading alone."""
    folder = tmp_path_factory.mktemp('trained')
    tiny.run(config(folder))
    return folder


def copied(trained, tmp_path):
    (tmp_path / 'run').mkdir()
    for epoch in (1, 2):
        (tmp_path / 'run' / f'epoch_{epoch}.pth').write_bytes((trained / 'run' / f'epoch_{epoch}.pth').read_bytes())
    last = tmp_path / 'run' / 'epoch_2.pth'
    (tmp_path / 'run' / 'last_checkpoint').write_text(str(last))
    return last


def truncate(file):
    file.write_bytes(file.read_bytes()[:-100])


def flip(file):
    content, weights = bytearray(file.read_bytes()), next(iter(torch.load(file, weights_only=True).values()))
    content[content.index(weights.numpy().tobytes())] ^= 1  # of a value, not of what the archive says of it
    file.write_bytes(content)


def garble(file):
    """The first name in the archive's list of contents, which ends it; its fixed part has 46 bytes."""
    content = bytearray(file.read_bytes())
    content[content.index(b'PK\1\2') + 46] = 0xff
    file.write_bytes(content)


@pytest.mark.parametrize('damage', [truncate, flip, garble, lambda file: file.write_bytes(b''),
                                    lambda file: file.write_bytes(bytes(file.stat().st_size))],
                         ids=['truncated', 'a bit', 'a name', 'empty', 'zeros'])
def test_damage_is_recognised(tmp_path, damage):
    torch.save(tiny.build(tiny.pose_model()).state_dict(), tmp_path / 'x.pth')
    assert is_whole(tmp_path / 'x.pth')
    damage(tmp_path / 'x.pth')
    assert not is_whole(tmp_path / 'x.pth')


@pytest.mark.parametrize('named', [False, True], ids=['auto', 'named'])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_it(trained, tmp_path, named):
    last = copied(trained, tmp_path)
    truncate(last)
    run = tiny.run(config(tmp_path), resume=True, load_from=str(last) if named else None)
    [log], before = (tmp_path / 'run').rglob('*.log'), last.with_name('epoch_1.pth')
    assert f'the checkpoint "{last}" is damaged: resuming from the one before it, "{before}"' in log.read_text()
    assert run.epoch == 3
    whole, resumed = (load_checkpoint(str(folder / 'run' / 'epoch_3.pth')) for folder in (trained, tmp_path))
    for key in ('state_dict', 'ema_state_dict', 'distillation', 'optimizer', 'param_schedulers'):
        assert equal(whole[key], resumed[key]), key


@pytest.mark.parametrize('changes, names', [
    (dict(out_dir='elsewhere'), ['elsewhere/run/epoch_1.pth', 'elsewhere/run/epoch_2.pth']),
    (dict(filename_tmpl='e{:03d}.pth'), ['run/e001.pth', 'run/e002.pth']),
    (dict(by_epoch=False, interval=2), ['run/iter_2.pth', 'run/iter_4.pth']),
], ids=['out_dir', 'filename_tmpl', 'by_epoch'])
def test_the_one_before_it_is_found_wherever_the_hook_saves(tmp_path, monkeypatch, changes, names):
    monkeypatch.chdir(tmp_path)
    cfg = tiny.runner_cfg(tiny.pose_model(), tmp_path / 'run', epochs=2)
    cfg.default_hooks.checkpoint.update(changes)
    tiny.run(cfg)
    truncate(tmp_path / names[1])
    assert tiny.run(cfg, resume=True)._load_from.endswith(names[0])


@pytest.mark.parametrize('own', [False, True], ids=['elsewhere', 'own'])
def test_resuming_from_another_folder_says_that_the_progress_of_this_one_is_written_over(trained, tmp_path, own):
    last = copied(trained, tmp_path)
    given = last.with_name('epoch_1.pth') if own else trained / 'run' / 'epoch_1.pth'
    tiny.run(config(tmp_path, epochs=2), resume=True, load_from=str(given))
    [log] = (tmp_path / 'run').rglob('*.log')
    warning = f'resuming from "{given}", which --resume FILE or load_from names, and not from the newest checkpoint of'
    assert (warning in log.read_text()) is not own
    assert (f'"{last}": what was trained there is written over' in log.read_text()) is not own


def test_last_checkpoint_without_a_name_is_passed_over(trained, tmp_path):
    copied(trained, tmp_path)
    (tmp_path / 'run' / 'last_checkpoint').write_text('')
    assert tiny.run(config(tmp_path), resume=True)._load_from.endswith('epoch_2.pth')


def test_nothing_whole_is_an_error_that_says_so(trained, tmp_path):
    last = copied(trained, tmp_path)
    truncate(last)
    truncate(last.with_name('epoch_1.pth'))
    with pytest.raises(ConfigError, match=r'epoch_2\.pth" is damaged, and in .* no whole one from before it'):
        tiny.run(config(tmp_path), resume=True)


def test_nothing_to_resume_starts_anew(tmp_path):
    assert tiny.run(config(tmp_path, epochs=1), resume=True).epoch == 1


def test_nothing_to_resume_starts_from_load_from_of_the_config_file(trained, tmp_path):
    cfg = config(tmp_path, epochs=1)
    cfg.load_from = str(trained / 'run' / 'epoch_3.pth')
    cfg.dump(str(tmp_path / 'config.py'))
    cfg = Config.fromfile(str(tmp_path / 'config.py'))
    run = tiny.run(cfg, resume=True, load_from=None)  # as MMPose's --resume sets them
    assert run._has_loaded and run.epoch == 1


def test_a_plain_student_resumes_from_the_one_before_it_too(tmp_path):
    cfg = tiny.runner_cfg(tiny.pose_model(), tmp_path / 'run', epochs=2)
    tiny.run(cfg)
    truncate(tmp_path / 'run' / 'epoch_2.pth')
    assert tiny.run(cfg, resume=True)._load_from.endswith('epoch_1.pth')
    assert is_whole(tmp_path / 'run' / 'epoch_2.pth')


def test_a_checkpoint_may_be_a_link_to_another_disk(tmp_path):
    cfg = tiny.runner_cfg(tiny.pose_model(), tmp_path / 'run', epochs=1)
    (tmp_path / 'disk').mkdir()
    os.symlink(tmp_path / 'disk', tmp_path / 'run')
    tiny.run(cfg)
    assert is_whole(tmp_path / 'disk' / 'epoch_1.pth')


@pytest.mark.parametrize('kind', [CheckpointHook, 'mmengine.hooks.CheckpointHook', 'mmengine.CheckpointHook'])
def test_the_stock_hook_by_its_class_or_module_is_ours_too(tmp_path, kind):
    cfg = config(tmp_path, type=kind, interval=2)
    cfg.update(experiment_name=f'hook of {kind}', custom_imports=dict(imports=['mmpose_kd']))
    hook = next(hook for hook in Runner.from_cfg(cfg).hooks if isinstance(hook, CheckpointHook))
    assert type(hook) is WholeCheckpointHook and hook.interval == 2


def test_a_runner_that_somebody_else_has_wrapped_is_extended_once(monkeypatch):
    def wrapped(stock):
        return functools.wraps(stock)(lambda *args, **kwargs: stock(*args, **kwargs))

    monkeypatch.setattr(Runner, 'register_hooks', wrapped(Runner.register_hooks))  # after us
    after = Runner.register_hooks
    register_required_hooks()
    assert Runner.register_hooks is after
    monkeypatch.setattr(Runner, 'register_hooks', wrapped(lambda self: None))  # before us
    register_required_hooks()
    assert is_ours(Runner.register_hooks)
