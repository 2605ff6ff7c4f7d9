import itertools

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.losses.expectation import expected_coordinates, joint_distributions
from mmpose_kd.models.losses.structure import joint_distance, joint_relation, limb_direction
from mmpose_kd.models.taps import Record

LIMBS = [(0, 1), (1, 2), (2, 3), (1, 4)]
WEIGHTS = torch.tensor([[1., 1., 0.5, 1., 0.], [1., 1., 1., 1., 1.], [0., 0., 1., 0., 0.]], dtype=torch.float64)


def directions(student, teacher, weights=None):
    return limb_direction(student, teacher, LIMBS, weights)


each = pytest.mark.parametrize('function', [joint_distance, directions], ids=['distance', 'direction'])


def poses(seed=0, dtype=torch.float64):
    return 30 * torch.rand(3, 5, 2, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def heatmaps(seed=0, shape=(3, 5, 6, 4)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def huber(difference):
    size = abs(difference)
    return 0.5 * size**2 if size < 1 else size - 0.5


def numpy_distance(student, teacher, weights):
    n, k, _ = student.shape
    pairs = [(i, j) for i in range(k) for j in range(k) if i != j]
    total = 0.
    for s, t, w in zip(student, teacher, weights):
        relative = []
        for pose in (s, t):
            d = np.array([np.hypot(*(pose[i] - pose[j])) for i, j in pairs])
            p = np.array([w[i] * w[j] for i, j in pairs])
            relative.append(d / ((d * p).sum() / p.sum()) if p.sum() else d)
        total += sum(w[i] * w[j] * huber(a - b) for (i, j), a, b in zip(pairs, *relative))
    return total / (n * k * (k - 1))


def numpy_direction(student, teacher, weights):
    def unit(pose, i, j):
        return (pose[j] - pose[i]) / np.hypot(*(pose[j] - pose[i]))

    total = sum(w[i] * w[j] * sum(map(huber, unit(s, i, j) - unit(t, i, j)))
                for s, t, w in zip(student, teacher, weights) for i, j in LIMBS)
    return total / (len(student) * len(LIMBS))


@pytest.mark.parametrize('function, reference', [(joint_distance, numpy_distance), (directions, numpy_direction)])
def test_against_numpy(function, reference):
    student, teacher = poses(0), poses(1)
    expected = reference(student.numpy(), teacher.numpy(), WEIGHTS.numpy())
    assert function(student, teacher, WEIGHTS).item() == pytest.approx(expected, rel=1e-9)


@each
def test_moving_and_scaling_either_side_changes_nothing(function):
    student, teacher = poses(0), poses(1)
    moved = function(3 * student + 7, 2 * teacher - 5, WEIGHTS)
    torch.testing.assert_close(moved, function(student, teacher, WEIGHTS))


def test_turning_changes_the_directions_alone():
    student, turned = poses(), poses() @ torch.tensor([[0., 1.], [-1., 0.]], dtype=torch.float64)
    assert joint_distance(student, turned).item() == pytest.approx(0, abs=1e-12)
    assert directions(student, turned) > 0.1


@each
def test_equal_poses_give_zero(function):
    assert function(poses(), poses()).item() == 0


@pytest.mark.parametrize('length, own', [(0.5, 0.5), (1.5, 1.)])
def test_a_length_below_one_cell_counts_as_it_is(length, own):
    student, teacher = torch.tensor([[[2., 3.], [2. + length, 3.]]]), torch.tensor([[[0., 0.], [9., 0.]]])
    expected = 0.5 * (1 - own)**2
    assert joint_distance(student, teacher).item() == pytest.approx(expected)
    assert limb_direction(student, teacher, [(0, 1)]).item() == pytest.approx(expected)


def test_distances_of_many_joints_far_from_the_origin_are_exact():
    whole = torch.randint(0, 64, (1, 133, 2), generator=torch.Generator().manual_seed(0)).float()
    assert joint_distance(whole, whole + 8192).item() == 0


@each
def test_weights_of_another_precision_do_not_change_that_of_the_loss(function):
    loss = function(poses(0).float(), poses(1).float(), WEIGHTS.double())
    assert loss.dtype == torch.float32


@each
def test_an_invisible_joint_has_no_loss_and_no_gradient(function):
    student, teacher = poses(0).requires_grad_(), poses(1)
    loss = function(student, teacher, WEIGHTS)
    loss.backward()
    assert (student.grad[WEIGHTS == 0] == 0).all() and student.grad[1].abs().sum() > 0
    assert (student.grad[2] == 0).all()  # one visible joint has no structure
    moved = torch.where((WEIGHTS == 0).unsqueeze(-1), poses(2), student)
    torch.testing.assert_close(function(moved, teacher, WEIGHTS), loss)


@each
@pytest.mark.parametrize('spread', [0., 1e-9])
def test_joints_in_one_place_have_a_bounded_gradient(function, spread):
    student = (spread * poses() + 5).requires_grad_()
    function(student, poses(1)).backward()
    assert student.grad.abs().max() < 1


def test_expected_coordinates_of_heatmaps_against_numpy():
    maps = heatmaps(shape=(2, 3, 6, 4))
    grid_y, grid_x = np.mgrid[:6, :4]
    expected = []
    for joint in maps.numpy().reshape(-1, 6, 4):
        p = np.exp(joint / 0.1) / np.exp(joint / 0.1).sum()
        expected.append([(p * grid_x).sum(), (p * grid_y).sum()])
    np.testing.assert_allclose(expected_coordinates(maps, 0.1).numpy().reshape(-1, 2), expected, rtol=1e-9)


@pytest.mark.parametrize('outputs', [
    torch.full((1, 1, 5, 7), 0.).index_put((torch.tensor(0), torch.tensor(0), torch.tensor(3), torch.tensor(6)),
                                           torch.tensor(1.)),
    (torch.tensor([[[0., 0., 0., 0., 0., 0., 30.]]]), torch.tensor([[[0., 0., 0., 30., 0.]]])),
], ids=['heatmaps', 'simdr'])
def test_expected_coordinates_of_one_peak_are_its_place(outputs):
    torch.testing.assert_close(expected_coordinates(outputs), torch.tensor([[[6., 3.]]]), atol=1e-3, rtol=0)


def test_half_precision_is_computed_in_float32():
    outputs = tuple(x.half() for x in (heatmaps(0).flatten(3).mean(2), heatmaps(1).mean(3)))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        low = expected_coordinates(outputs)
    torch.testing.assert_close(low, expected_coordinates(tuple(x.float() for x in outputs)))


def test_neither_heatmaps_nor_simdr():
    with pytest.raises(ConfigError, match=r'expected heatmaps .* got \(2, 3\)'):
        joint_distributions(torch.rand(2, 3))


def test_relations_of_heatmaps_against_numpy():
    student, teacher = heatmaps(0), heatmaps(1)
    total = 0.
    for s, t, w in zip(student.numpy(), teacher.numpy(), WEIGHTS.numpy()):
        for i, j in itertools.permutations(range(5), 2):
            cosines = []
            for maps in (s, t):
                p = np.exp(maps / 0.2).reshape(5, -1)
                cosines.append(p[i] @ p[j] / np.sqrt((p[i] @ p[i]) * (p[j] @ p[j])))
            total += w[i] * w[j] * (cosines[0] - cosines[1])**2
    assert joint_relation(student, teacher, WEIGHTS, 0.2).item() == pytest.approx(total / (3 * 5 * 4), rel=1e-9)


def test_relations_of_simdr_are_those_of_the_product_of_its_axes():
    def simdr(seed):
        return heatmaps(seed).mean(2), heatmaps(seed + 1).mean(3)

    def as_heatmaps(logits):
        return logits[0].unsqueeze(2) + logits[1].unsqueeze(3)

    student, teacher = simdr(0), simdr(5)
    expected = joint_relation(as_heatmaps(student), as_heatmaps(teacher), WEIGHTS, temperature=1.)
    torch.testing.assert_close(joint_relation(student, teacher, WEIGHTS), expected)


def test_relations_of_other_joints_are_named():
    with pytest.raises(ConfigError, match=r'^relations between joints: .*\(3, 5, 5\).*\(3, 4, 4\)'):
        joint_relation(heatmaps(0), heatmaps(1, (3, 4, 6, 4)))


@pytest.mark.parametrize('name, joints', [('coco', 17), ('crowdpose', 14)])
def test_loss_takes_the_limbs_of_any_dataset(name, joints):
    loss = MODELS.build(dict(
        type='JointStructureLoss', skeleton=dict(from_file=f'configs/_base_/datasets/{name}.py'),
        distance_weight=2., direction_weight=3., relation_weight=4., temperature=0.1))
    student, teacher = heatmaps(0, (2, joints, 8, 6)), heatmaps(1, (2, joints, 8, 6))
    weights = torch.rand(2, joints, dtype=torch.float64)
    pose_s, pose_t = expected_coordinates(student, 0.1), expected_coordinates(teacher, 0.1)
    expected = (2 * joint_distance(pose_s, pose_t, weights) + 3 * limb_direction(pose_s, pose_t, loss.limbs, weights)
                + 4 * joint_relation(student, teacher, weights, 0.1))
    torch.testing.assert_close(loss(student, teacher, weights), expected)


def test_loss_by_default_is_distances_and_directions():
    student, teacher = heatmaps(0), heatmaps(1)
    pose_s, pose_t = expected_coordinates(student), expected_coordinates(teacher)
    torch.testing.assert_close(MODELS.build(dict(type='JointStructureLoss', skeleton=LIMBS))(student, teacher, WEIGHTS),
                               joint_distance(pose_s, pose_t, WEIGHTS) + directions(pose_s, pose_t, WEIGHTS))


def test_objective_leaves_unlabelled_joints_out():
    objective = MODELS.build(dict(
        type='OutputObjective', loss=dict(type='JointStructureLoss', skeleton=[[0, 1], [1, 2]])))
    sample = PoseDataSample(gt_instance_labels=InstanceData(keypoint_weights=torch.tensor([[1., 1., 0.]])))
    student = tuple(torch.rand(1, 3, bins, requires_grad=True) for bins in (8, 10))
    teacher = tuple(torch.rand(1, 3, bins) for bins in (8, 10))
    objective(Record(outputs=student), Record(outputs=teacher), [sample]).backward()
    for logits in student:
        assert (logits.grad[0, 2] == 0).all() and logits.grad[0, :2].abs().sum() > 0


@pytest.mark.parametrize('kwargs, message', [
    (dict(), r"^JointStructureLoss: no skeleton given, whose limbs have the directions\. Give metainfo, such as "
             r"skeleton=dict\(from_file='configs/_base_/datasets/coco\.py'\), or a list of pairs of joints; or set "
             r'direction_weight=0\.$'),
    (dict(skeleton=[]), 'no limb given'),
    (dict(skeleton=[[0, 0]]), r'\[0, 0\] given, expected the indices of two joints'),
    (dict(skeleton=[[0, 1, 2]]), r'\[0, 1, 2\] given'),
    (dict(skeleton=[[0, 1]], distance_weight=-1.),
     "{'distance_weight': -1.0, 'direction_weight': 1.0, 'relation_weight': 0.0} given, expected numbers of at least"),
    (dict(distance_weight=0., direction_weight=0.), 'one above 0'),
    (dict(direction_weight=0., temperature=0.), 'temperature=0.0'),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        MODELS.build(dict(type='JointStructureLoss', **kwargs))


def test_a_skeleton_is_not_read_without_directions():
    loss = MODELS.build(dict(type='JointStructureLoss', direction_weight=0., skeleton=[[0, 99]]))
    assert loss(heatmaps(0), heatmaps(1)) > 0


def test_a_skeleton_of_other_joints_is_named():
    loss = MODELS.build(dict(type='JointStructureLoss', skeleton=dict(from_file='configs/_base_/datasets/coco.py')))
    with pytest.raises(ConfigError, match='its metainfo has 17 joints and the model 5'):
        loss(heatmaps(0), heatmaps(1))
    loss = MODELS.build(dict(type='JointStructureLoss', skeleton=[[0, 1], [3, 5]]))
    with pytest.raises(ConfigError, match=r'skeleton: \[3, 5\] given, expected the indices of two joints below 5'):
        loss(heatmaps(0), heatmaps(1))


def test_a_skeleton_of_more_joints_is_named_though_its_limbs_would_fit():
    crowdpose = dict(from_file='configs/_base_/datasets/crowdpose.py')
    loss = MODELS.build(dict(type='JointStructureLoss', skeleton=crowdpose))
    with pytest.raises(ConfigError, match='its metainfo has 14 joints and the model 17'):
        loss(torch.rand(1, 17, 8, 6), torch.rand(1, 17, 8, 6))


def test_wrong_shapes_are_named():
    with pytest.raises(ConfigError, match='^poses: .*expected the same'):
        joint_distance(poses(), poses()[:2])
    with pytest.raises(ConfigError, match=r'keypoint weights of shape \(2, 5\) given for the joints of \(3, 5\): '):
        joint_distance(poses(), poses(), WEIGHTS[:2])
