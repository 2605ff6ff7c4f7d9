"""A pickle that runs code, wherever a config names a checkpoint, and paths that lead out of a folder."""
import os
import sys

import pytest
import tiny
import torch

from mmpose_kd.cli import run_mmpose_tool


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
