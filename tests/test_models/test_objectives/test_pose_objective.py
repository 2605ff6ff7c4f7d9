import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.taps import Record


def sample(size=(64, 32), weights=((1., 0.), )):
    labels = InstanceData(keypoint_weights=torch.tensor(weights))
    return PoseDataSample(metainfo=dict(input_size=size), gt_instance_labels=labels)


def simdr(x, y, size=(128, 64)):
    """Logits with their peaks at the given bins."""
    return tuple(100 * torch.nn.functional.one_hot(torch.tensor([p]), bins).float() for p, bins in zip((x, y), size))


def heatmaps(x, y, size=(16, 8)):
    px, py = simdr(x, y, size)
    return (px.unsqueeze(2) * py.unsqueeze(3)) / 1e4


def loss(outputs, teacher, **kwargs):
    objective = MODELS.build(dict(type='PoseObjective', **kwargs))
    return objective(Record(outputs=outputs), Record(outputs=teacher), [sample()])


POSE = torch.tensor([[[20., 12.], [60., 30.]]])  # input pixels


@pytest.mark.parametrize('teacher', [simdr([40, 0], [24, 0]), heatmaps([5, 0], [3, 0]), [heatmaps([9, 9], [1, 1]),
                                     heatmaps([5, 0], [3, 0])]], ids=['simdr', 'heatmaps', 'stages'])
def test_each_step_is_compared_with_the_teachers_pose_in_pixels(teacher):
    first = torch.full_like(POSE, 1e3)  # the pose of stage 1, which nothing moves
    off = POSE + torch.tensor([8., 0.])
    # the second joint has no label; 8 of 64 pixels are 0.25 of the width from -1 to 1
    assert loss([first, POSE, POSE, POSE], teacher).item() == pytest.approx(0, abs=1e-5)
    assert loss([first, off, POSE, POSE], teacher).item() == pytest.approx(0.3 * 0.125 / 2, rel=1e-3)
    assert loss([first, POSE, POSE, off], teacher).item() == pytest.approx(1.0 * 0.125 / 2, rel=1e-3)


def test_udp_maps_the_last_cell_to_the_last_pixel():
    corner = torch.tensor([[[63., 31.], [0., 0.]]])
    assert loss([corner] * 4, heatmaps([15, 0], [7, 0]), udp=True).item() == pytest.approx(0, abs=1e-5)
    assert loss([corner] * 4, heatmaps([15, 0], [7, 0])) > 0.01


def test_the_teacher_gets_no_gradient():
    teacher = heatmaps([5, 0], [3, 0]).requires_grad_()
    poses = [POSE.clone().requires_grad_() for _ in range(4)]
    loss(poses, teacher).backward()
    assert teacher.grad is None and poses[0].grad is None and poses[3].grad is not None


@pytest.mark.parametrize('outputs', [torch.rand(1, 2, 8, 16), simdr([1, 1], [1, 1])])
def test_a_head_that_refines_no_pose_is_named(outputs):
    with pytest.raises(ConfigError, match='does not return a list of poses .* as IGPGCNHead does'):
        loss(outputs, heatmaps([5, 0], [3, 0]))


def test_another_aspect_ratio_is_named():
    with pytest.raises(ConfigError, match='16 x 16 cells or bins given for an input of 64 x 32'):
        loss([POSE] * 4, heatmaps([5, 0], [3, 0], size=(16, 16)))
