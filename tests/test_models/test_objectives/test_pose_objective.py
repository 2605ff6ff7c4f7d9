import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.distillers.alignment import Cells, Resize
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


def loss(outputs, teacher, cells=None, **kwargs):
    objective = MODELS.build(dict(type='PoseObjective', **kwargs))
    return objective(Record(outputs=outputs), Record(outputs=teacher, cells=cells), [sample()])


MESSAGE = (r"^the student's head does not return a list of poses \(N, K, 2\), as IGPGCNHead does, so there is no "
           r'refined pose to compare\. Compare heatmaps or SimDR logits with OutputObjective\.$')

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
    same = Resize((64, 32), (64, 32))
    assert loss([corner] * 4, heatmaps([15, 0], [7, 0]), Cells(same, udp=True)).item() == pytest.approx(0, abs=1e-5)
    assert loss([corner] * 4, heatmaps([15, 0], [7, 0]), Cells(same, udp=False)) > 0.01


@pytest.mark.parametrize('size, bins, at', [
    ((128, 64), (80, 48), (19.75, 11.75)),
    ((32, 16), (20, 12), (20.5, 12.5)),
    ((128, 128), (80, 48), (19.75, -4.25)),
])
def test_a_pose_in_an_input_of_another_size_is_brought_to_the_students_pixels(size, bins, at):
    """Two bins a pixel; images are resized by their corners, so pixel 40 of 128, which is 40.5 from there, is 20.25.

    The square input has 32 rows of padding above the student's image: row 24 lies 8 above it, half as many there.
    """
    teacher = simdr([bins[0], 0], [bins[1], 0], (2 * size[0], 2 * size[1]))
    pose = torch.tensor([[at, (0., 0.)]])
    assert loss([pose] * 4, teacher, Cells(Resize((64, 32), size), False)).item() == pytest.approx(0, abs=1e-5)


def test_logits_count_as_much_as_in_the_loss_that_they_are_trained_by():
    torch.manual_seed(0)
    logits, same = [torch.rand(1, 2, bins) for bins in (128, 64)], Resize((64, 32), (64, 32))
    start = torch.zeros(1, 2, 2)
    by_ten = loss([start] * 4, tuple(10 * axis for axis in logits), Cells(same, udp=False))
    assert loss([start] * 4, tuple(logits), Cells(same, udp=False, beta=10.)).item() == pytest.approx(by_ten.item())
    assert loss([start] * 4, tuple(logits), Cells(same, udp=False)).item() != pytest.approx(by_ten.item(), rel=0.01)


def test_of_two_peaks_the_temperature_says_how_much_the_lower_one_counts():
    two = torch.tensor([[[[1., 0.9, 0., 0.], [0., 0., 0., 0.]], [[0.] * 4] * 2]])  # 16 pixels a cell
    start, one_step = torch.zeros(1, 2, 2), dict(type='ProgressivePoseLoss', step_weights=(1., ))
    for temperature in (0.05, 0.5):
        p = torch.softmax(two[0, 0].flatten() / temperature, 0).view(2, 4).double()
        x, y = (p.sum(0) * torch.arange(4)).sum(), (p.sum(1) * torch.arange(2)).sum()
        expected = 1.0 * (16 * x * 2 / 64 + 16 * y * 2 / 32) / 2 / 2  # two axes, two joints of which one is labelled
        got = loss([start, start], two, temperature=temperature, loss=one_step)
        assert got.item() == pytest.approx(expected.item(), rel=1e-5)
    assert loss([start, start], two, loss=one_step) == loss([start, start], two, temperature=0.05, loss=one_step)


def test_the_teacher_gets_no_gradient():
    teacher = heatmaps([5, 0], [3, 0]).requires_grad_()
    poses = [POSE.clone().requires_grad_() for _ in range(4)]
    loss(poses, teacher).backward()
    assert teacher.grad is None and poses[0].grad is None and poses[3].grad is not None


@pytest.mark.parametrize('outputs', [torch.rand(1, 2, 8, 16), simdr([1, 1], [1, 1])])
def test_a_head_that_refines_no_pose_is_named(outputs):
    with pytest.raises(ConfigError, match=MESSAGE):
        loss(outputs, heatmaps([5, 0], [3, 0]))


def test_another_aspect_ratio_is_named():
    with pytest.raises(ConfigError, match='16 x 16 cells or bins given for an input of 64 x 32'):
        loss([POSE] * 4, heatmaps([5, 0], [3, 0], size=(16, 16)))
