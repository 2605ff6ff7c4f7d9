"""Files and annotations that are broken, in the training set of a distilled student."""
import json
import math
import sys

import cv2
import numpy as np
import pytest
import tiny

from mmpose_kd.cli import run_mmpose_tool
from mmpose_kd.errors import ConfigError

HEADS = pytest.mark.parametrize('head', ['simcc', 'heatmap'])
JOINTS = [[10. + 2 * k, 8. + 2.5 * k, 2] for k in range(17)]


class Data:
    """Four images of one person each, in a COCO-style file that a test spoils."""

    def __init__(self, folder):
        self.folder = folder
        noise = np.random.default_rng(0)
        self.images, self.annotations = [], []
        for i in range(1, 5):
            cv2.imwrite(str(folder / f'{i}.jpg'), noise.integers(0, 255, (64, 64, 3), dtype=np.uint8))
            self.images.append(dict(id=i, file_name=f'{i}.jpg', height=64, width=64))
            self.annotations.append(dict(
                id=i, image_id=i, category_id=1, iscrowd=0, area=2000., bbox=[6., 4., 45., 50.], num_keypoints=17,
                keypoints=[value for joint in JOINTS for value in joint]))

    def joints(self, index, value):
        """Set coordinates or flags of all joints of an annotation."""
        self.annotations[index]['keypoints'] = [
            old if new is None else new for joint in JOINTS for old, new in zip(joint, value)]

    def config(self, head='simcc', **changes):
        """Write the file; the config of a distilled training on it."""
        (self.folder / 'train.json').write_text(json.dumps(dict(
            images=self.images, annotations=self.annotations, categories=[dict(id=1, name='person')])))
        model = dict(
            tiny.pose_model(head=head), type='MultiKDDistiller',
            teacher=dict(config=tiny.pose_model(8, head=head), allow_random_weights=True, report_metric=False),
            objectives=dict(loss_kd=dict(type='OutputObjective', loss=dict(
                type='SimDRKLLoss' if head == 'simcc' else 'HeatmapKDLoss'))))
        cfg = tiny.runner_cfg(model, self.folder / 'run', epochs=1, val_dataloader=None, val_cfg=None,
                              val_evaluator=None)
        cfg.train_dataloader.dataset = dict(
            type='CocoDataset', data_root=str(self.folder), ann_file='train.json', data_prefix=dict(img=''),
            pipeline=cfg.train_dataloader.dataset.pipeline)
        cfg.merge_from_dict({'train_dataloader.batch_size': 2, **changes})
        return cfg


@pytest.fixture
def data(tmp_path, monkeypatch):
    # the runner formats the config's text four times, which takes longer than the training
    monkeypatch.setattr('mmengine.config.config.FormatCode', lambda text, **kwargs: (text, True))
    return Data(tmp_path)


def trains(cfg):
    """Train one epoch; returns how many steps, after a look at every loss and weight."""
    run = tiny.run(cfg)
    losses = [value for name, log in run.message_hub.log_scalars.items() if 'loss' in name for value in log.data[0]]
    assert losses and all(math.isfinite(value) for value in losses)
    assert all(p.isfinite().all() for p in run.model.parameters())
    return run.iter


def message(cfg, monkeypatch):
    """What tools/train.py says in the end."""
    cfg.dump(str(cfg.work_dir) + '.py')
    monkeypatch.setattr(sys, 'argv', ['train.py', str(cfg.work_dir) + '.py'])
    with pytest.raises(SystemExit) as ended:
        run_mmpose_tool('train.py')
    return ended.value.code


@HEADS
def test_a_sound_set_trains(data, head):
    assert trains(data.config(head)) == 2


@pytest.mark.parametrize('spoil', [lambda x: b'', lambda x: b'<html>Not Found</html>', lambda x: x[:len(x) // 2]],
                         ids=['empty', 'no image', 'truncated'])
def test_a_file_that_is_no_image_is_named(data, monkeypatch, spoil):
    file = data.folder / '3.jpg'
    file.write_bytes(spoil(file.read_bytes()))
    text = message(data.config(), monkeypatch)
    assert text.startswith(f'error: the image "{data.folder}/3.jpg" cannot be read: it is empty, damaged or no image')


def test_an_image_without_people_is_not_trained_on(data):
    data.annotations.pop()
    assert trains(data.config(**{'train_dataloader.batch_size': 1})) == 3


@pytest.mark.parametrize('box', [[-500., -500., 20., 20.], [200., 200., 30., 30.], [9., 9., 0., 0.]], ids=str)
def test_a_person_whose_box_is_outside_of_the_image_is_left_out_with_a_word(data, box):
    data.annotations[1]['bbox'] = box
    assert trains(data.config(**{'train_dataloader.batch_size': 1})) == 3
    [log] = (data.folder / 'run').rglob('*.log')
    assert 'train.json: 1 of 4 annotations are left out: they are crowds, have no labelled joint, or no box' in (
        log.read_text())


@pytest.mark.parametrize('box', [[math.nan, 4., 45., 50.], [6., 4., math.inf, 50.], [6., 4., -45., -50.]], ids=str)
@HEADS
def test_a_box_that_is_none_trains_with_finite_losses_or_is_left_out(data, head, box):
    data.annotations[1]['bbox'] = box
    assert trains(data.config(head, **{'train_dataloader.batch_size': 1})) in (3, 4)


@HEADS
def test_joints_outside_of_the_image_train_with_finite_losses(data, head):
    data.joints(0, (-900., 4e4, 2))
    assert trains(data.config(head)) == 2


@HEADS
def test_persons_without_a_visible_joint_train_with_finite_losses(data, head):
    for i in range(4):
        data.joints(i, (None, None, 0))  # num_keypoints still says 17
    assert trains(data.config(head)) == 2


@HEADS
def test_coordinates_that_are_no_number_train_with_finite_losses(data, head):
    data.joints(0, (math.nan, math.nan, 2))
    data.joints(1, (math.inf, 5., 2))
    assert trains(data.config(head)) == 2


@pytest.mark.parametrize('what, name', [('annotations', 'annotations'), ('images', 'images')])
def test_ids_that_are_not_unique_are_refused(data, what, name):
    getattr(data, what)[1]['id'] = 1
    with pytest.raises(ConfigError, match=rf'train\.json: 1 of 4 {name} have the id of another'):
        tiny.run(data.config())


def test_ids_that_are_not_unique_are_refused_inside_of_another_dataset_too(data):
    data.annotations[1]['id'] = 1
    cfg = data.config()
    cfg.train_dataloader.dataset = dict(type='ViewDataset', num_views=2, dataset=cfg.train_dataloader.dataset)
    with pytest.raises(ConfigError, match=r'train\.json: 1 of 4 annotations have the id of another'):
        tiny.run(cfg)


def test_an_empty_annotation_file_is_refused(data):
    data.images, data.annotations = [], []
    with pytest.raises(ConfigError, match="train_dataloader.dataset: CocoDataset has no sample: ann_file='train.json'"):
        tiny.run(data.config(custom_imports=dict(imports=['mmpose_kd'])))


def test_a_file_that_is_no_json_is_named(data, monkeypatch):
    cfg = data.config(custom_imports=dict(imports=['mmpose_kd']))
    (data.folder / 'train.json').write_text('{"images": [')
    assert 'train.json' in message(cfg, monkeypatch)


@HEADS
def test_one_sample_in_the_last_batch_trains(data, head):
    assert trains(data.config(head, **{'train_dataloader.batch_size': 3})) == 2


def test_one_sample_in_the_last_batch_trains_where_samples_are_compared(data):
    cfg = data.config(**{'train_dataloader.batch_size': 3})
    taps = dict(student_taps=['backbone.layer3'], teacher_taps=['backbone.layer3'])
    cfg.model.objectives = dict(
        loss_rkd=dict(type='FeatureObjective', loss=dict(type='RKDLoss'), **taps),
        loss_sp=dict(type='FeatureObjective', loss=dict(type='SimilarityLoss'), **taps),
        loss_wa=dict(type='CrossStageObjective', student_channels=[16], teacher_channels=[32], student_strides=[16],
                     teacher_strides=[16], allocation=dict(type='WeightAllocation', batch_size=3), **taps))
    assert trains(cfg) == 2
