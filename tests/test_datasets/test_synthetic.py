import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.datasets.datasets import CocoDataset
from mmpose.evaluation import CocoMetric
from mmpose.registry import DATASETS
from mmpose.utils import register_all_modules
from torch.utils.data import DataLoader

from mmpose_kd.datasets import SyntheticPoseDataset
from mmpose_kd.datasets.people import KEYPOINTS, PARTS, draw_person, inside_image, keypoint_flags, sample_person
from mmpose_kd.datasets.scene import Scene
from mmpose_kd.datasets.skeleton import sample_pose
from mmpose_kd.errors import ConfigError

CONFIG = Path(__file__).parents[2] / 'configs' / '_base_' / 'datasets' / 'synthetic_coco17.py'
VAL_PIPELINE = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'),
                dict(type='TopdownAffine', input_size=(48, 64)), dict(type='PackPoseInputs')]


@pytest.fixture(autouse=True)
def _scope():
    register_all_modules()


def dataset(**kwargs):
    return SyntheticPoseDataset(**{'num_samples': 24, 'image_size': (96, 80), **kwargs})


def keypoints_of(annotation):
    return np.array(annotation['keypoints']).reshape(17, 3)


def front_view(rng):
    """A person who stands upright and faces the camera."""
    return sample_person(rng, scale=100., variety=0.)


def test_same_seed_and_index_give_the_same_sample():
    first, again = dataset(seed=5)[7], dataset(seed=5)[7]
    np.testing.assert_array_equal(first['img'], again['img'])
    np.testing.assert_array_equal(first['keypoints'], again['keypoints'])
    assert first['raw_ann_info'] == again['raw_ann_info']


def test_sample_does_not_depend_on_what_was_drawn_before():
    data = dataset()
    alone = dataset()[9]['img']
    for index in (3, 11, 9):
        image = data[index]['img']
    np.testing.assert_array_equal(image, alone)


@pytest.mark.parametrize('other', [dict(seed=1, index=0), dict(seed=0, index=1)])
def test_other_seed_or_index_gives_another_sample(other):
    image, annotation = dataset(seed=0).draw(0)
    other_image, other_annotation = dataset(seed=other['seed']).draw(other['index'])
    assert (image != other_image).mean() > 0.5
    assert annotation['keypoints'] != other_annotation['keypoints']


def test_cache_changes_no_sample_and_survives_changes_to_one():
    cached, plain = dataset(cache=True), dataset()
    cached[4]['img'][:] = 0
    cached[4]['keypoints'][:] = 0
    np.testing.assert_array_equal(cached[4]['img'], plain[4]['img'])
    np.testing.assert_array_equal(cached[4]['keypoints'], plain[4]['keypoints'])


def test_metainfo_is_coco_s_under_another_name():
    coco = CocoDataset(ann_file='', lazy_init=True).metainfo
    metainfo = dataset().metainfo
    assert metainfo['dataset_name'] == 'synthetic_coco17'
    for key in ('keypoint_id2name', 'flip_pairs', 'flip_indices', 'skeleton_links', 'upper_body_ids'):
        assert metainfo[key] == coco[key], key
    np.testing.assert_array_equal(metainfo['sigmas'], coco['sigmas'])


def test_keypoints_are_drawn_in_the_order_of_the_metainfo():
    names = dataset().metainfo['keypoint_id2name']
    assert list(KEYPOINTS) == [names[i] for i in range(17)]


def test_record_has_what_coco_dataset_yields():
    record = dataset()[0]
    assert record['img'].shape == (80, 96, 3) and record['img'].dtype == np.uint8
    assert record['keypoints'].shape == (1, 17, 2) and record['keypoints'].dtype == np.float32
    assert record['bbox'].shape == (1, 4)
    flags = keypoints_of(record['raw_ann_info'])[:, 2]
    np.testing.assert_array_equal(record['keypoints_visible'], np.minimum(1, flags)[None])


@pytest.mark.parametrize('size', [(128, 128), (200, 64), (48, 160)])
def test_box_lies_in_the_image_and_encloses_the_labelled_keypoints(size):
    data = dataset(num_samples=60, image_size=size)
    for index in range(60):
        _, annotation = data.draw(index)
        x, y, w, h = annotation['bbox']
        keypoints = keypoints_of(annotation)
        labelled = keypoints[keypoints[:, 2] > 0, :2]
        assert min(x, y) >= 0 and x + w <= size[0] - 1 and y + h <= size[1] - 1
        assert (labelled >= (x, y)).all() and (labelled <= (x + w, y + h)).all()
        assert len(labelled) == annotation['num_keypoints'] >= 8
        assert 0 < annotation['area'] <= size[0] * size[1]


def test_keypoints_outside_the_image_are_zero():
    data = dataset(num_samples=120)
    outside = [k for i in range(120) for k in keypoints_of(data.draw(i)[1]) if k[2] == 0]
    assert outside and all((k == 0).all() for k in outside)


def test_all_three_flags_occur():
    data = dataset()
    flags = np.concatenate([keypoints_of(data.draw(i)[1])[:, 2] for i in range(24)])
    assert set(flags) == {0, 1, 2}


def test_flags_of_a_person_who_faces_the_camera_unoccluded():
    rng = np.random.default_rng(0)
    scene, person = Scene((200, 200), rng), front_view(rng).moved(np.array([100., 110.]))
    draw_person(scene, person, 1)
    assert keypoint_flags(scene, person, 1)[:3] == [2, 2, 2]  # nose and eyes


def test_keypoint_under_an_occluder_is_hidden():
    rng = np.random.default_rng(0)
    scene, person = Scene((200, 200), rng), front_view(rng).moved(np.array([100., 110.]))
    draw_person(scene, person, 1)
    x, y = person.points['nose']
    scene.parts[int(y) - 3:int(y) + 4, int(x) - 3:int(x) + 4] = 255
    assert keypoint_flags(scene, person, 1)[0] == 1


def test_person_behind_another_is_hidden():
    rng = np.random.default_rng(0)
    scene, person = Scene((200, 200), rng), front_view(rng).moved(np.array([100., 110.]))
    draw_person(scene, person, 1)
    draw_person(scene, person, 1 + len(PARTS))
    assert keypoint_flags(scene, person, 1) == [1] * 17
    assert keypoint_flags(scene, person, 1 + len(PARTS))[0] == 2


def test_keypoint_beyond_the_border_is_outside():
    rng = np.random.default_rng(0)
    person = front_view(rng)
    scene, person = Scene((200, 200), rng), person.moved(np.array([100., -1.]) - person.points['nose'] * [0, 1])
    draw_person(scene, person, 1)
    assert keypoint_flags(scene, person, 1)[0] == 0


@pytest.mark.parametrize('xy, expected', [((0, 0), True), ((63, 47), True), ((63.2, 10), False), ((10, 47.5), False),
                                          ((-0.1, 5), False)])
def test_inside_image(xy, expected):
    assert inside_image(np.array([xy]), (64, 48)).tolist() == [expected]


def test_left_is_on_the_right_of_the_image_where_the_person_faces_the_camera():
    person = front_view(np.random.default_rng(3))
    for joint in ('eye', 'shoulder', 'hip'):
        assert person.points['left_' + joint][0] > person.points['right_' + joint][0]


@pytest.mark.parametrize('seed', range(20))
def test_knees_bend_backwards_only(seed):
    points, _, _ = sample_pose(np.random.default_rng(seed), variety=1.)
    for side in ('left_', 'right_'):
        thigh, shin = points[side + 'knee'] - points[side + 'hip'], points[side + 'ankle'] - points[side + 'knee']
        foot = points[side + 'toe'] - points[side + 'heel']
        ahead = foot - foot @ shin / (shin @ shin) * shin  # where the toes point, across the shin
        assert thigh @ ahead >= -1e-9


@pytest.mark.parametrize('seed', range(20))
def test_elbows_bend_at_most_145_degrees(seed):
    points, _, _ = sample_pose(np.random.default_rng(seed), variety=1.)
    for side in ('left_', 'right_'):
        upper = points[side + 'elbow'] - points[side + 'shoulder']
        fore = points[side + 'wrist'] - points[side + 'elbow']
        cosine = upper @ fore / np.linalg.norm(upper) / np.linalg.norm(fore)
        assert cosine >= np.cos(np.radians(145)) - 1e-6


def test_limb_lengths_do_not_depend_on_the_pose():
    shins = []
    for seed in range(40):
        points, _, _ = sample_pose(np.random.default_rng(seed), variety=1.)
        left, right = (np.linalg.norm(points[s + 'ankle'] - points[s + 'knee']) for s in ('left_', 'right_'))
        assert left == pytest.approx(right)
        shins.append(left)
    assert np.mean(shins) == pytest.approx(0.23, rel=0.05)


def test_variety_turns_people_round():
    def facing(variety):
        people = [sample_person(np.random.default_rng(i), 100., variety) for i in range(60)]
        return sum(p.points['left_shoulder'][0] > p.points['right_shoulder'][0] for p in people)
    assert facing(0.) == 60
    assert 15 < facing(1.) < 55


def test_no_clutter_no_occluder_no_other_person():
    data = dataset(clutter=0., occlusion_prob=0., second_person_prob=0.)
    crowded = dataset(clutter=1., occlusion_prob=1., second_person_prob=1.)
    hidden = [sum((keypoints_of(d.draw(i)[1])[:, 2] == 1).sum() for i in range(24)) for d in (data, crowded)]
    assert hidden[0] < hidden[1]


@pytest.mark.parametrize('shift, expected', [(0, 1.), (60, 0.)])
def test_coco_metric_without_a_file_on_the_ground_truth_shifted(shift, expected):
    data = dataset(pipeline=VAL_PIPELINE, test_mode=True)
    metric = CocoMetric()
    metric.dataset_meta = data.metainfo
    for index in range(len(data)):
        sample = data[index]['data_samples']
        keypoints = sample.gt_instances.keypoints + shift
        prediction = dict(keypoints=keypoints, keypoint_scores=np.ones(keypoints.shape[:2]))
        metric.process([], [dict(sample.to_dict(), pred_instances=prediction)])
    result = metric.evaluate(size=len(data))
    assert result['coco/AP'] == pytest.approx(expected, abs=0.02)
    assert result['coco/AR'] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize('cache', [False, True])
def test_two_workers_draw_what_one_process_draws(cache):
    data = dataset(num_samples=6, pipeline=VAL_PIPELINE, cache=cache)
    alone = [data[i]['inputs'] for i in range(6)]
    loader = DataLoader(data, batch_size=3, num_workers=2, collate_fn=pseudo_collate)
    drawn = [image for batch in loader for image in batch['inputs']]
    assert all((a == b).all() for a, b in zip(alone, drawn))


def test_dataset_can_be_pickled():
    data = pickle.loads(pickle.dumps(dataset()))
    np.testing.assert_array_equal(data[2]['img'], dataset()[2]['img'])


def test_indices_keep_the_samples():
    np.testing.assert_array_equal(dataset(indices=[5, 2])[1]['img'], dataset()[2]['img'])


def test_records_are_small_before_they_are_drawn():
    data = dataset(num_samples=1000)
    assert len(data) == 1000
    assert data.data_bytes.nbytes < 100_000


def test_base_config_builds_both_datasets():
    config = Config.fromfile(CONFIG)
    for loader, size in ((config.train_dataloader, 4096), (config.val_dataloader, 1024)):
        data = DATASETS.build(loader.dataset)
        assert len(data) == size
        assert tuple(data[0]['inputs'].shape) == (3, 64, 64)


@pytest.mark.parametrize('bad, message', [
    (dict(num_samples=0), 'num_samples=0: expected a whole number of at least 1'),
    (dict(num_samples=2.5), 'num_samples'),
    (dict(seed=-1), 'seed=-1: expected a whole number of at least 0'),
    (dict(image_size=128), r'image_size must be \(width, height\), got 128'),
    (dict(image_size=(128, 16)), r'image_size\[1\]=16: expected a whole number of at least 32'),
    (dict(variety=2), 'variety must be a number from 0 to 1, got 2'),
    (dict(clutter='much'), "clutter must be a number from 0 to 1, got 'much'"),
    (dict(occlusion_prob=-0.1), 'occlusion_prob'),
    (dict(second_person_prob=1.1), 'second_person_prob'),
])
def test_bad_arguments_are_named(bad, message):
    with pytest.raises(ConfigError, match=message):
        dataset(**bad)
