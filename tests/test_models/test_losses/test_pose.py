import numpy as np
import pytest
import torch
from mmpose.registry import MODELS

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.losses.pose import progressive_pose_l1

SIZE, LAMBDAS = (192, 256), (0.3, 0.5, 1.0)
WEIGHTS = torch.tensor([[1., 0., 0.5], [0., 1., 1.]])


def steps():
    generator = torch.Generator().manual_seed(0)
    *poses, target = (100 * torch.rand(2, 3, 2, generator=generator) for _ in range(4))
    return poses, target


def test_against_numpy():
    poses, target = steps()
    total = 0.
    for p, factor in zip(poses, LAMBDAS):
        fractions = np.abs(p.numpy() - target.numpy()) / np.array(SIZE)  # of the input; from -1 to 1 it is 2 long
        total += factor * (WEIGHTS.numpy() * (2 * fractions).mean(-1)).mean()
    assert progressive_pose_l1(poses, target, WEIGHTS, SIZE, LAMBDAS).item() == pytest.approx(total, rel=1e-6)


def test_a_joint_without_a_label_may_have_any_coordinates():
    (pose, *_), target = steps()
    expected = progressive_pose_l1([pose], target, WEIGHTS, SIZE, (1., ))
    target[0, 1] = float('nan')
    loss = progressive_pose_l1([pose.requires_grad_()], target, WEIGHTS, SIZE, (1., ))
    loss.backward()
    assert torch.equal(loss, expected) and (pose.grad[0, 1] == 0).all() and (pose.grad[0, 0] != 0).all()


def test_another_number_of_steps_is_named():
    poses, target = steps()
    with pytest.raises(ConfigError, match='refined in 2 steps, but step_weights has 3 entries: give one for each step'):
        MODELS.build(dict(type='ProgressivePoseLoss'))(poses[:2], target, WEIGHTS, SIZE)


@pytest.mark.parametrize('step_weights', [(), (0., 0.), (1., -1.), (1., float('nan'))])
def test_step_weights_that_teach_nothing(step_weights):
    with pytest.raises(ConfigError, match='numbers of at least 0 and one above 0'):
        MODELS.build(dict(type='ProgressivePoseLoss', step_weights=step_weights))


def test_a_step_may_count_nothing():
    poses, target = steps()
    loss = MODELS.build(dict(type='ProgressivePoseLoss', step_weights=(0., 0.5, 0.)))
    torch.testing.assert_close(loss(poses, target, WEIGHTS, SIZE),
                               0.5 * progressive_pose_l1(poses[1:2], target, WEIGHTS, SIZE, (1., )))


def test_poses_of_other_joints_are_named():
    poses, target = steps()
    with pytest.raises(ConfigError, match='^poses: '):
        progressive_pose_l1(poses, target[:, :1], WEIGHTS, SIZE, LAMBDAS)
