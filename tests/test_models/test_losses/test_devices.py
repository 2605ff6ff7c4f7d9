"""PyTorch's device without memory stands for a GPU: it refuses to mix with what lies on the CPU.

Losses that switch autocast off are left out: there is none for that device.
"""
import pytest
import torch

from mmpose_kd.models import losses


def on_meta(*shape):
    return torch.zeros(shape, device='meta')


def axes():
    return on_meta(2, 3, 8), on_meta(2, 3, 10)


POSE, WEIGHTS, HEATMAPS, FEATURE = (2, 3, 2), (2, 3), (2, 3, 10, 8), (2, 4, 6, 6)


@pytest.mark.parametrize('compute', [
    lambda: losses.gaussian_labels(on_meta(*WEIGHTS), 2., 8),
    lambda: losses.simdr_cross_entropy(axes(), axes(), on_meta(*WEIGHTS)),
    lambda: losses.simdr_kl(axes(), axes(), on_meta(*WEIGHTS), 2.),
    lambda: losses.heatmap_mse(on_meta(*HEATMAPS), on_meta(*HEATMAPS), on_meta(*WEIGHTS)),
    lambda: losses.heatmap_kl(on_meta(*HEATMAPS), on_meta(*HEATMAPS), on_meta(*WEIGHTS)),
    lambda: losses.expected_coordinates(on_meta(*HEATMAPS)),
    lambda: losses.pose_in_pixels(axes(), (16, 20)),
    lambda: losses.progressive_pose_l1([on_meta(*POSE)], on_meta(*POSE), on_meta(*WEIGHTS), (64, 64), (1., )),
    lambda: losses.joint_distance(on_meta(*POSE), on_meta(*POSE)),
    lambda: losses.limb_direction(on_meta(*POSE), on_meta(*POSE), [(0, 1)], on_meta(*WEIGHTS)),
    lambda: losses.rkd_distance(on_meta(*FEATURE), on_meta(*FEATURE)),
    lambda: losses.attention_distance(on_meta(*FEATURE), on_meta(*FEATURE)),
], ids=lambda f: f.__code__.co_names[1])
def test_everything_is_made_where_the_input_is(compute):
    assert compute().device.type == 'meta'
