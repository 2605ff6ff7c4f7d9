"""What somebody sees who runs tools/train.py with a config or with files that cannot work."""
import json
import re
import sys
from pathlib import Path

import pytest
import tiny
import torch

from mmpose_kd.cli import run_mmpose_tool
from mmpose_kd.errors import ConfigError

ALLOCATED = dict(
    type='CrossStageObjective', student_taps=['backbone.layer2'], teacher_taps=['backbone.layer2'],
    student_channels=[8], teacher_channels=[16], student_strides=[8], teacher_strides=[8],
    allocation=dict(type='WeightAllocation', batch_size=4))
FILES = dict(
    type='CocoDataset', data_root='data/coco', ann_file='annotations/train.json', data_prefix=dict(img='images'),
    pipeline=[dict(type='LoadImage')])
ANNOTATIONS = dict(
    images=[dict(id=1, file_name='1.jpg', height=9, width=9)], categories=[dict(id=1, name='person')],
    annotations=[dict(id=1, image_id=1, category_id=1, iscrowd=0, num_keypoints=17, area=9., bbox=[0, 0, 9, 9],
                      keypoints=[3, 3, 2] * 17)])


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with a teacher, broken teachers and a run's checkpoint."""
    monkeypatch.chdir(tmp_path)
    teacher = tiny.build(tiny.pose_model(8)).state_dict()
    torch.save(teacher, tmp_path / 'teacher.pth')
    torch.save({k: v * float('nan') if v.is_floating_point() else v for k, v in teacher.items()}, tmp_path / 'nan.pth')
    torch.save(dict(optimizer=dict()), tmp_path / 'empty.pth')
    torch.save(tiny.build(tiny.pose_model(4)).state_dict(), tmp_path / 'foreign.pth')
    (tmp_path / 'truncated.pth').write_bytes((tmp_path / 'teacher.pth').read_bytes()[:20000])
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'epoch_1.pth').write_bytes(b'the result of an earlier run')
    return tmp_path


def train(work, monkeypatch, **changes):
    """Run tools/train.py in this process; returns its exit code and what it says."""
    model = dict(
        tiny.pose_model(), type='MultiKDDistiller', teacher=dict(config=tiny.pose_model(8), checkpoint='teacher.pth'),
        objectives=dict(loss_fkd=ALLOCATED, loss_vkd=dict(type='OutputObjective')))
    cfg = tiny.runner_cfg(model, work / 'run', epochs=1, custom_imports=dict(imports=['mmpose_kd']))
    cfg.merge_from_dict(changes)
    cfg.dump(str(work / 'cfg.py'))
    monkeypatch.setattr(sys, 'argv', ['train.py', str(work / 'cfg.py')])
    with pytest.raises(SystemExit) as ended:
        run_mmpose_tool('train.py')
    return ended.value.code


@pytest.mark.parametrize('changes, message', [
    ({'model.objectives.loss_fkd.student_taps': ['backbone.layr2']}, "layr2.*Did you mean.*'backbone.layer2'"),
    ({'model.objectives.loss_fkd.student_chanels': [8]}, "\"student_chanels\".*Did you mean 'student_channels'"),
    ({'model.objectives.loss_vkd.loss': dict(type='SimDRKLLos')}, "SimDRKLLos\" is not registered.*'SimDRKLLoss'"),
    ({'model.objectives.loss_fkd.student_channels': [7]}, r'\(4, 8, 8, 8\).*student_channels\[0\]=8'),
    ({'model.objectives.loss_fkd.teacher_strides': [4]}, r'\(4, 16, 16, 16\).*\(4, 16, 8, 8\).*strides'),
    ({'model.objectives.loss_fkd.allocation.batch_size': 3}, 'at most 3 persons a batch and got 4.*train_dataloader'),
    ({'model.teacher.checkpoint': 'techer.pth'}, 'techer.pth" does not exist.*teacher.pth'),
    ({'model.teacher.checkpoint': 'truncated.pth'}, 'truncated.pth.*cannot be read: it is truncated'),
    ({'model.teacher.checkpoint': 'empty.pth'}, 'empty.pth.*holds no weights'),
    ({'model.teacher.checkpoint': 'foreign.pth'}, r'foreign.pth" does not fit.*in the checkpoint and .* in the model'),
    ({'model.teacher.checkpoint': 'nan.pth'}, "NaN or infinity in the teacher's outputs"),
    ({'model.teacher.config': 'absent.py'}, 'config "absent.py" does not exist; tried'),
    ({'model.teacher.config': tiny.pose_model(8, keypoints=21), 'model.teacher.checkpoint': None,
      'model.teacher.allow_random_weights': True}, 'predicts 21 keypoints and the student 17.*teacher.metainfo'),
    ({'model.teacher.metainfo': dict(from_file='configs/_base_/datasets/crowdpose.py')},
     'names 14 keypoints, but its head predicts 17'),
    ({'train_dataloader.dataset': dict(FILES, _delete_=True)},
     'annotation file ".*data/coco/annotations/train.json" does not exist.*ann_file'),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else '')
def test_run_ends_with_a_message_that_names_the_remedy(work, monkeypatch, changes, message):
    code = train(work, monkeypatch, **changes)
    assert isinstance(code, str)  # sys.exit prints it to stderr and the exit code is 1
    assert re.search(message, code, re.DOTALL), code
    assert code.startswith('error: ')
    assert (work / 'run' / 'epoch_1.pth').read_bytes() == b'the result of an earlier run'
    assert [p.name for p in Path(work / 'run').glob('*.pth')] == ['epoch_1.pth']


def test_absent_images_are_named(work, monkeypatch):
    (work / 'data/coco/annotations').mkdir(parents=True)
    (work / 'data/coco/annotations/train.json').write_text(json.dumps(ANNOTATIONS))
    code = train(work, monkeypatch, **{'train_dataloader.dataset': dict(FILES, _delete_=True)})
    assert re.search('image ".*data/coco/images/1.jpg" does not exist.*data_prefix', code)


def test_debug_shows_the_traceback(work, monkeypatch):
    monkeypatch.setenv('MMPOSE_KD_DEBUG', '1')
    with pytest.raises(ConfigError, match='nowhere.pth'):
        train(work, monkeypatch, **{'model.teacher.checkpoint': 'nowhere.pth'})
