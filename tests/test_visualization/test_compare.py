import json
import math
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny
import torch
from mmengine.config import Config
from mmpose.apis import inference_topdown, init_model

from mmpose_kd.errors import ConfigError
from mmpose_kd.visualization.compare import ComparedModel, compare_image, disagreement, read_boxes, summary
from mmpose_kd.visualization.media import Source
from mmpose_kd.visualization.poses import of_joints

TOOL = Path(__file__).parents[2] / 'tools' / 'compare.py'
BOXES = np.array([[0, 0, 100, 50], [0, 0, 10, 20]], np.float32)


def runner_cfg(model, folder):
    cfg = tiny.runner_cfg(model, folder)
    cfg.test_dataloader = cfg.val_dataloader
    return cfg


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    """Config and checkpoint of a plain student, of a distilled one with the same weights, and of a wider teacher."""
    folder = tmp_path_factory.mktemp('models')
    wide = tiny.pose_model(8)
    distilled = dict(tiny.pose_model(), type='MultiKDDistiller', teacher=dict(config=wide, allow_random_weights=True),
                     objectives=dict(loss_vkd=dict(type='OutputObjective')))
    files = {}
    for name, model in (('plain', tiny.pose_model()), ('distilled', distilled), ('wide', wide)):
        torch.manual_seed(0)
        torch.save(dict(state_dict=tiny.build(model).state_dict(), meta={}), folder / f'{name}.pth')
        runner_cfg(model, folder).dump(folder / f'{name}.py')
        files[name] = str(folder / f'{name}.py'), str(folder / f'{name}.pth')
    files['distilled'] = files['distilled'][0], files['plain'][1]
    return files


@pytest.fixture(scope='module')
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp('image') / 'person.png'
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8))
    return path


def run_tool(monkeypatch, *args):
    monkeypatch.setattr(sys, 'argv', ['compare.py', *map(str, args)])
    runpy.run_path(str(TOOL), run_name='__main__')


def two(models, first='plain', second='wide'):
    return ['--model', *models[first], '--model', *models[second]]


def test_disagreement_is_the_mean_distance_over_the_longer_side_of_the_box():
    a, b = np.zeros((2, 3, 2)), np.zeros((2, 3, 2))
    b[0, 0], b[1, 2] = (3, 4), (0, 2)  # 5 of 100 pixels, 2 of 20
    b[0, 1] = 1000  # left out below
    shown = np.array([[True, False, False], [False, False, True]])
    assert disagreement(a, b, shown, BOXES) == pytest.approx((0.05 + 0.1) / 2)


def test_disagreement_without_a_joint_is_nan():
    assert math.isnan(disagreement(np.zeros((2, 3, 2)), np.ones((2, 3, 2)), np.zeros((2, 3), bool), BOXES))


def test_model_predicts_as_mmposes_inference_does(models, image):
    rgb = cv2.imread(str(image))[..., ::-1]
    boxes = np.array([[4, 4, 40, 44], [10, 0, 60, 48]], np.float32)
    found = ComparedModel(*models['plain'], 'plain').predict(rgb, boxes)
    expected = inference_topdown(init_model(*models['plain'], device='cpu'), str(image), boxes)
    for i in range(2):
        assert (found['keypoints'][i] == expected[i].pred_instances.keypoints[0]).all()
        assert (found['scores'][i] == expected[i].pred_instances.keypoint_scores[0]).all()


def test_a_model_that_chooses_joints_is_compared_by_their_names(models, image, tmp_path):
    joints = [16, 15, 5]
    cfg = Config.fromfile(models['plain'][0])
    cfg.model.test_cfg.output_keypoint_indices = joints
    cfg.dump(str(tmp_path / 'chosen.py'))
    whole, chosen = (ComparedModel(config, models['plain'][1], name)
                     for config, name in ((models['plain'][0], 'whole'), (str(tmp_path / 'chosen.py'), 'chosen')))
    compare_image([whole, chosen], cv2.imread(str(image)), threshold=-1.)
    assert chosen.keypoints == [whole.keypoints[joint] for joint in joints]
    assert chosen.distances == [0]


def test_the_limbs_of_some_joints_are_those_between_them(models):
    meta = ComparedModel(*models['plain'], 'plain').net.dataset_meta
    found = of_joints(meta, [9, 5, 7])  # left wrist, shoulder, elbow
    assert [found['keypoint_id2name'][i] for i in range(3)] == ['left_wrist', 'left_shoulder', 'left_elbow']
    assert {frozenset(link) for link in found['skeleton_links']} == {frozenset((1, 2)), frozenset((2, 0))}
    assert len(found['skeleton_link_colors']) == 2 and len(found['keypoint_colors']) == 3


def test_image_gives_a_column_for_each_model(models, image, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'new' / 'out.png'
    third = ['--model', *models['distilled'], '--names', 'student', 'teacher', 'distilled']
    run_tool(monkeypatch, image, *two(models), *third, '--out', out, '--height', 96, '--threshold', -1e9)
    assert cv2.imread(str(out)).shape == (96 + 44, 3 * 128, 3)
    rows = {line.split()[1]: line.split() for line in capsys.readouterr().out.splitlines() if line.startswith('│')}
    assert list(rows) == ['student', 'teacher', 'distilled']
    assert rows['student'][7] == '-'
    assert float(rows['teacher'][7]) > 0
    assert float(rows['distilled'][7]) == 0  # it is the student, and its teacher is not needed


def test_folder_and_boxes(models, image, tmp_path, monkeypatch):
    folder = tmp_path / 'images'
    folder.mkdir()
    for name in ('a.png', 'b.png'):
        (folder / name).write_bytes(image.read_bytes())
    (tmp_path / 'boxes.json').write_text(json.dumps({'b.png': [[0, 0, 30, 30], [20, 10, 60, 40]]}))
    args = [folder, *two(models), '--out', tmp_path / 'out', '--height', 96, '--threshold', -1e9]
    run_tool(monkeypatch, *args, '--boxes', tmp_path / 'boxes.json')
    pictures = [cv2.imread(str(tmp_path / 'out' / name)) for name in ('a.png', 'b.png')]
    assert pictures[0].shape == pictures[1].shape == (96 + 44, 2 * 128, 3)
    assert (pictures[0][44:] != pictures[1][44:]).any()  # the same image, with other persons


def test_video(models, tmp_path, monkeypatch):
    writer = cv2.VideoWriter(str(tmp_path / 'in.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (32, 24))
    for _ in range(3):
        writer.write(np.zeros((24, 32, 3), np.uint8))
    writer.release()
    run_tool(monkeypatch, tmp_path / 'in.avi', *two(models), '--out', tmp_path / 'out.mp4', '--height', 48)
    frames = [frame for _, frame in Source(tmp_path / 'out.mp4')]
    assert [frame.shape for frame in frames] == [(48 + 44, 2 * 64, 3)] * 3


def test_joints_that_are_all_below_the_threshold_are_said_to_be_so(models, image, tmp_path, monkeypatch, capsys):
    for threshold, said in ((1e9, True), (-1e9, False)):
        run_tool(monkeypatch, image, *two(models), '--out', tmp_path / 'out.png', '--threshold', threshold)
        assert ('no joint was compared' in capsys.readouterr().out) is said


@pytest.mark.parametrize('change, message', [
    (lambda args, models: args[:4], '--model CONFIG CHECKPOINT is given 1 times'),
    (lambda args, models: ['absent.png', *args[1:]], 'absent.png" does not exist'),
    (lambda args, models: [*args, '--names', 'one'], '--names: one given, expected 2'),
    (lambda args, models: [*args, '--height', '0'], '--height=0'),
    (lambda args, models: [*args, '--height', '1000000'], '--height=1000000 given, expected 16 to 4320'),
    (lambda args, models: [*args, '--threshold', 'nan'], '--threshold nan'),
    (lambda args, models: [*args, '--boxes', 'absent.json'], 'boxes "absent.json" cannot be read'),
    (lambda args, models: [*args, '--device', 'nodevice'], 'device "nodevice" cannot be used'),
    (lambda args, models: [*args, '--model', 'absent.py', 'x.pth'], 'absent.py", and no shipped config of that name'),
    (lambda args, models: [*args, '--model', models['plain'][0], 'absent.pth'], 'absent.pth" does not exist'),
    (lambda args, models: [*args, '--model', models['plain'][0], models['wide'][1]], 'does not fit the config'),
], ids=['one model', 'source', 'names', 'height', 'huge', 'threshold', 'boxes', 'device', 'config', 'checkpoint',
        'other model'])
def test_bad_input_is_named_and_the_output_stays(change, message, models, image, tmp_path, monkeypatch):
    out = tmp_path / 'out.png'
    out.write_text('before')
    with pytest.raises(SystemExit) as info:
        run_tool(monkeypatch, *change([str(image), *two(models)], models), '--out', out)
    assert str(info.value.code).startswith('error: ')
    assert message in info.value.code
    assert out.read_text() == 'before'
    assert [path.name for path in tmp_path.iterdir()] == ['out.png']


def test_nobody_is_looked_for_where_no_box_is(models, image, tmp_path):
    (tmp_path / 'boxes.json').write_text('{"person.png": []}')
    boxes = read_boxes(tmp_path / 'boxes.json', Source(image))['person.png']
    rgb = cv2.imread(str(image))[..., ::-1]
    compared = [ComparedModel(*models['plain'], name) for name in 'ab']
    canvas = compare_image(compared, rgb, boxes, height=len(rgb))
    assert compared[0].times == [] and [row['ms'] for row in summary(compared)] == [None, None]
    width = rgb.shape[1]
    assert all((canvas[-len(rgb):, start:start + width] == rgb).all() for start in (0, canvas.shape[1] - width))


@pytest.mark.parametrize('content, message', [
    ('{"persn.png": [[0, 0, 1, 1]]}', "Did you mean 'person.png'"),
    ('[[0, 0, 1]]', 'expected a list of boxes'),
    ('{"person.png": 3}', 'expected a list of boxes'),
    ('[[0, 0, NaN, 1]]', 'expected a list of boxes'),
    ('[[5, 0, 1, 1]]', 'x1 < x2'),
    ('no json', 'cannot be read'),
])
def test_bad_boxes_are_named(content, message, image, tmp_path):
    (tmp_path / 'boxes.json').write_text(content)
    with pytest.raises(ConfigError, match=message):
        read_boxes(tmp_path / 'boxes.json', Source(image))


def test_config_without_a_test_pipeline_is_named(models, tmp_path):
    tiny.runner_cfg(tiny.pose_model(), tmp_path).dump(tmp_path / 'no_test.py')
    with pytest.raises(ConfigError, match='no test_dataloader'):
        ComparedModel(str(tmp_path / 'no_test.py'), models['plain'][1], 'x')
