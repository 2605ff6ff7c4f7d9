import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS
from torch import nn
from torch.utils.data import Dataset

from mmpose_kd import checkpoint as module
from mmpose_kd.checkpoint import load_checkpoint, load_strictly, state_dict_of
from mmpose_kd.errors import ConfigError


class Hostile:
    """Runs a command when a plain ``pickle.load`` meets it."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.fixture(params=['weights_only', 'pickle_module'])
def loader(request, monkeypatch):
    """Both ways of loading: that of the installed PyTorch, and that of PyTorch < 2.6, which works everywhere."""
    if request.param == 'pickle_module':
        monkeypatch.setattr(module, 'WEIGHTS_ONLY', False)


@pytest.fixture
def weights():
    return OrderedDict(weight=torch.tensor([[1., 2.]]), bias=torch.tensor([3.]))


@pytest.fixture
def saved(tmp_path, weights):
    path = tmp_path / 'epoch_10.pth'
    torch.save(dict(state_dict=weights, meta=dict(epoch=10)), path)
    return path


def assert_same(state, expected):
    assert list(state) == list(expected)
    for name in expected:
        assert torch.equal(state[name], expected[name])


# What is loaded


def test_returns_the_whole_file(saved, weights, loader):
    checkpoint = load_checkpoint(str(saved))
    assert checkpoint['meta'] == dict(epoch=10)
    assert_same(checkpoint['state_dict'], weights)


@pytest.mark.parametrize('zipped', [True, False])
def test_both_formats_of_torch_save(tmp_path, weights, zipped, loader):
    torch.save(weights, tmp_path / 'a.pth', _use_new_zipfile_serialization=zipped)
    assert_same(load_checkpoint(str(tmp_path / 'a.pth')), weights)


def test_home_folder(saved, monkeypatch):
    monkeypatch.setenv('HOME', str(saved.parent))
    assert 'state_dict' in load_checkpoint('~/epoch_10.pth')


def test_url_is_downloaded_once(saved, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path / 'hub'))
    url = saved.as_uri()
    load_checkpoint(url)
    saved.unlink()
    assert_same(load_checkpoint(url)['state_dict'], weights)


def test_urls_with_one_file_name_are_two_downloads(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path / 'hub'))
    for i, folder in enumerate('xy'):
        (tmp_path / folder).mkdir()
        torch.save(dict(weight=torch.tensor(float(i))), tmp_path / folder / 'best.pth')
    loaded = [load_checkpoint((tmp_path / folder / 'best.pth').as_uri())['weight'].item() for folder in 'xyx']
    assert loaded == [0, 1, 0]


@pytest.mark.parametrize('name, kept', [
    ('hrnet_w32-36af842e.pth', True), ('coco-256x192-81c58e40_20220909.pth', True), ('teacher-20220909.pth', False),
    ('best.pth', False), ('best-36af842e.pth.tar', False), ('download', False), ('.pth', False)])
def test_a_name_that_ends_in_a_hash_of_its_content_is_kept(name, kept):
    here, there = (module._cached_name(f'https://{host}/{name}?a=b') for host in ('a.org', 'b.org'))
    assert (here == there == name) if kept else here != there
    assert Path(here).suffix == Path(name).suffix


class Model(BaseModel):

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, inputs, mode='tensor'):
        x = self.fc(inputs)
        return dict(loss=x.square().mean(), accuracy=x.mean()) if mode == 'loss' else [x]


class Points(Dataset):
    metainfo = dict(sigmas=np.array([0.1, 0.2], np.float32), flip_indices=[1, 0], colours=np.zeros((2, 3), np.uint8))

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(inputs=torch.ones(2) * index)


def runner(work_dir, epochs, **kwargs):
    return Runner(
        Model(),
        str(work_dir),
        default_scope='mmpose',  # stays in force for the tests that follow
        train_dataloader=dict(
            batch_size=2,
            dataset=Points(),
            sampler=dict(type='DefaultSampler'),
            collate_fn=dict(type='default_collate')),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='Adam')),
        param_scheduler=[
            dict(type='LinearLR', by_epoch=False, end=2),
            dict(type='OneCycleLR', eta_max=0.1, total_steps=9, by_epoch=False),
            dict(type='ReduceOnPlateauLR', monitor='loss', patience=1),
        ],
        custom_hooks=[dict(type='EMAHook')],
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
        experiment_name=f'{work_dir.name}_{epochs}',
        log_level='ERROR',
        **kwargs)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A finished run, whose checkpoint has all that MMEngine puts into one."""
    run = runner(tmp_path_factory.mktemp('trained'), 1)
    run.message_hub.update_scalar('val/AP', np.float32(0.5))
    run.message_hub.update_info('numpy', dict(a=np.float64(1.5), b=np.int64(2), c=np.bool_(True), d=np.arange(3)))
    run.train()
    return run


@pytest.fixture(scope='module')
def epoch_1(trained):
    return Path(trained.work_dir) / 'epoch_1.pth'


def test_checkpoint_of_a_runner(epoch_1, loader):
    checkpoint = load_checkpoint(str(epoch_1))
    assert set(checkpoint) >= {'state_dict', 'ema_state_dict', 'message_hub', 'optimizer', 'param_schedulers', 'meta'}
    assert checkpoint['message_hub']['log_scalars']['train/loss'].mean() > 0
    np.testing.assert_array_equal(checkpoint['message_hub']['runtime_info']['numpy']['d'], [0, 1, 2])


def test_checkpoint_of_ema_gives_the_averaged_weights(epoch_1, trained):
    averaged = next(hook for hook in trained.hooks if isinstance(hook, EMAHook)).ema_model.module.state_dict()
    assert not torch.equal(averaged['fc.weight'], trained.model.fc.weight)
    assert_same(state_dict_of(load_checkpoint(str(epoch_1))), averaged)


def test_runner_resumes_from_its_own_checkpoint(epoch_1):
    load_checkpoint(str(epoch_1))  # takes nothing away from what MMEngine's own loading is allowed
    run = runner(epoch_1.parent, 2, resume=True, load_from=str(epoch_1))
    run.train()
    assert run.epoch == 2 and (epoch_1.parent / 'epoch_2.pth').exists()


# The weights in it


def test_bare_state_dict(weights):
    assert_same(state_dict_of(weights), weights)


def test_module_prefix_of_data_parallel_is_dropped(weights):
    assert_same(state_dict_of(dict(state_dict={f'module.{k}': v for k, v in weights.items()})), weights)


def test_a_submodule_called_module_keeps_its_name(weights):
    mixed = {'module.weight': weights['weight'], 'bias': weights['bias']}
    assert_same(state_dict_of(mixed), mixed)


# What is refused


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('name, hook', [
    ('mkdir', Hostile(os.mkdir, 'hacked')),
    ('eval', Hostile(eval, '__import__("os").mkdir("hacked")')),
    ('getattr', Hostile(getattr, HistoryBuffer, '__init__')),
])
def test_code_is_named_and_not_run(tmp_path, monkeypatch, weights, name, hook, zipped, loader):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict=weights, hook=hook), 'bad.pth', _use_new_zipfile_serialization=zipped)
    with pytest.raises(ConfigError, match=rf'bad.pth" contains code: it asks for "(\w+\.)?{name}"'):
        load_checkpoint('bad.pth')
    assert not os.path.exists('hacked')


def test_a_program_is_no_checkpoint(tmp_path, loader):
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(tmp_path / 'program.pt'))
    with pytest.raises(ConfigError, match='program.pt" is a TorchScript archive, which is code, and is not loaded'):
        load_checkpoint(str(tmp_path / 'program.pt'))


def test_plain_pickle_with_code(tmp_path, monkeypatch, loader):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'bad.pth').write_bytes(pickle.dumps(Hostile(os.mkdir, 'hacked'), protocol=2))
    with pytest.raises(ConfigError, match=r'asks for "posix.mkdir"'):
        load_checkpoint('bad.pth')
    assert not os.path.exists('hacked')


def test_getattr_gives_only_what_mmengine_saves(tmp_path):
    buffer = HistoryBuffer([1., 3.], [1, 1])
    torch.save(dict(state_dict=dict(a=torch.ones(1)), log=buffer), tmp_path / 'a.pth')
    assert load_checkpoint(str(tmp_path / 'a.pth'))['log'].mean() == 2


def test_metainfo_of_every_data_set_of_mmpose_is_loaded(tmp_path, loader):
    sets = [cls.METAINFO for cls in DATASETS.module_dict.values() if getattr(cls, 'METAINFO', None)]
    metas = [parse_pose_metainfo(dict(metainfo)) for metainfo in sets]
    torch.save(dict(state_dict=dict(a=torch.ones(1)), meta=metas), tmp_path / 'a.pth')
    loaded = load_checkpoint(str(tmp_path / 'a.pth'))['meta']
    assert [meta['sigmas'].tolist() for meta in loaded] == [meta['sigmas'].tolist() for meta in metas]
    assert [] in [meta['sigmas'].tolist() for meta in metas]  # of no bytes


def test_whole_model_is_refused(tmp_path):
    torch.save(nn.Linear(1, 1), tmp_path / 'a.pth')
    with pytest.raises(ConfigError, match=r'torch\.nn\.modules\.linear\.Linear.*state_dict alone'):
        load_checkpoint(str(tmp_path / 'a.pth'))


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('fraction', [0, 0.3, 0.9])
def test_truncated(tmp_path, weights, zipped, fraction, loader):
    buffer = io.BytesIO()
    torch.save(dict(weights, big=torch.zeros(1000)), buffer, _use_new_zipfile_serialization=zipped)
    content = buffer.getvalue()
    (tmp_path / 'cut.pth').write_bytes(content[:int(len(content) * fraction)])
    with pytest.raises(ConfigError, match=r'cut.pth" \(\d+ bytes\) cannot be read: it is truncated'):
        load_checkpoint(str(tmp_path / 'cut.pth'))


def test_damaged_list_of_contents(saved, loader):
    content = bytearray(saved.read_bytes())
    content[content.index(b'PK\1\2')] ^= 1  # of the first entry
    saved.write_bytes(content)
    with pytest.raises(ConfigError, match=r'epoch_10.pth" \(\d+ bytes\) cannot be read'):
        load_checkpoint(str(saved))


def test_a_file_that_may_not_be_read_is_not_called_damaged(saved, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, 'Permission denied', str(saved))

    monkeypatch.setattr(torch, 'load', refuse)
    with pytest.raises(ConfigError, match='may not be read: Permission denied'):
        load_checkpoint(str(saved))


def test_web_page_saved_as_checkpoint(tmp_path, loader):
    (tmp_path / 'page.pth').write_text('<html>Not Found</html>')
    with pytest.raises(ConfigError, match='it is truncated, or'):
        load_checkpoint(str(tmp_path / 'page.pth'))


def test_a_cache_that_cannot_be_made_names_url_and_folder(saved, tmp_path, monkeypatch):
    (tmp_path / 'hub').write_text('a file')
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path / 'hub'))
    with pytest.raises(ConfigError, match=f'{saved.as_uri()} cannot be downloaded: .*hub/checkpoints'):
        load_checkpoint(saved.as_uri())


def test_truncated_download_names_url_and_copy(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path / 'hub'))
    (tmp_path / 'cut.pth').write_bytes(b'PK\x03\x04')
    url = (tmp_path / 'cut.pth').as_uri()
    with pytest.raises(ConfigError, match=f'hub/checkpoints/cut_.*pth.*cached copy of {url}.*Delete it'):
        load_checkpoint(url)


@pytest.mark.parametrize('content', [dict(epoch=1, best='AP'), {}, [1, 2], dict(state_dict={}), dict(state_dict=None)])
def test_no_weights(tmp_path, content):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ConfigError, match=r'a.pth": it holds no weights'):
        load_checkpoint(str(tmp_path / 'a.pth'))


def test_no_weights_names_what_there_is():
    with pytest.raises(ConfigError, match=r"found a dict with the keys \['epoch', 'best'\]"):
        state_dict_of(dict(epoch=1, best='AP'))


def test_missing_file_names_absolute_path_and_near_matches(saved, monkeypatch):
    monkeypatch.chdir(saved.parent)
    with pytest.raises(ConfigError, match=f'"{saved.parent}/epoch_1.pth" does not exist.*there are: epoch_10.pth'):
        load_checkpoint('epoch_1.pth')


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(ConfigError, match=f'folder "{tmp_path}/absent" does not exist'):
        load_checkpoint(str(tmp_path / 'absent' / 'a.pth'))


def test_folder_without_checkpoints(tmp_path):
    with pytest.raises(ConfigError, match='There are no checkpoints in'):
        load_checkpoint(str(tmp_path / 'a.pth'))


def test_folder_instead_of_a_file(saved):
    with pytest.raises(ConfigError, match=r'is a folder.*epoch_10\.pth'):
        load_checkpoint(str(saved.parent))


def test_url_that_does_not_exist(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path / 'hub'))
    url = (tmp_path / 'absent.pth').as_uri()
    with pytest.raises(ConfigError, match=f'{url} cannot be downloaded'):
        load_checkpoint(url)


def test_weights_behind_a_prefix_are_named():
    model = nn.Linear(2, 1)
    state = {f'teacher.{name}': value for name, value in model.state_dict().items()}
    with pytest.raises(ConfigError, match='They are there with the prefix "teacher.": save those alone'):
        load_strictly(model, state, 'distilled.pth')
