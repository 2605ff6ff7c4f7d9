import numpy as np
import pytest
import torch
from precision import needs_float16

from mmpose_kd.errors import ConfigError
from mmpose_kd.models.connectors import WeightAllocation, stage_pairs


def features(n, shapes=((3, 8, 6), (5, 4, 3)), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, *shape, generator=generator) for shape in shapes]


def paper_gamma(allocation, student, teacher):
    """Eq. 3 and 4 of Multi-KD with loops over i, l and m; rows of a smaller batch are filled with zeros."""

    def vectors(feature, layers):  # Eq. 3, then two linear layers, an activation between them, and the L2 norm
        n, b = len(feature), allocation.batch_size
        w1, b1, w2, b2 = (p.detach().numpy().astype(np.float64) for p in layers.parameters())
        result = []
        for i in range(n):
            row = np.zeros(b)
            for k in range(n):
                row[k] = np.sum(feature[i].numpy().astype(np.float64) * feature[k].numpy())
            v = w2 @ np.maximum(w1 @ row + b1, 0) + b2
            result.append(v / np.sqrt(np.sum(v**2)))
        return result

    s = [vectors(f, layers) for f, layers in zip(student, allocation.student_layers)]
    t = [vectors(f, layers) for f, layers in zip(teacher, allocation.teacher_layers)]
    gamma = []
    for i in range(len(student[0])):
        exponentials = []
        for l in range(len(t)):  # noqa: E741
            for m in range(l, len(s)):
                exponentials.append(np.exp(s[m][i] @ t[l][i]))
        gamma.append(np.array(exponentials) / sum(exponentials))
    return np.array(gamma)


@pytest.mark.parametrize('n', [8, 3, 1])
def test_equations_3_and_4(n):
    torch.manual_seed(0)
    allocation = WeightAllocation(batch_size=8, num_student=3, num_teacher=2)
    student = features(n, ((3, 8, 6), (4, 4, 3), (5, 2, 2)))
    teacher = features(n, seed=1)
    expected = paper_gamma(allocation, student, teacher)
    np.testing.assert_allclose(allocation(student, teacher).detach().numpy(), expected, rtol=1e-4)


def test_weights_by_hand():
    allocation = WeightAllocation(batch_size=2, num_student=2, num_teacher=1, embed_channels=2)
    for layers in [*allocation.student_layers, *allocation.teacher_layers]:
        for p in layers.parameters():
            torch.nn.init.zeros_(p)
    with torch.no_grad():  # with all weights zero a vector is the unit vector of its last bias
        allocation.student_layers[0][2].bias.copy_(torch.tensor([3., 4.]))
        allocation.student_layers[1][2].bias.copy_(torch.tensor([0., 2.]))
        allocation.teacher_layers[0][2].bias.copy_(torch.tensor([0., 7.]))
    gamma = allocation(features(2), features(2)[:1])  # scalar products 0.8 and 1
    expected = np.exp([0.8, 1.]) / np.exp([0.8, 1.]).sum()
    np.testing.assert_allclose(gamma.detach().numpy(), [expected, expected], rtol=1e-6)


@pytest.mark.parametrize('batch_size, length', [(4, 8), (32, 8), (39, 9), (64, 16)])
def test_length_of_the_vectors(batch_size, length):
    layers = WeightAllocation(batch_size, 1, 1).student_layers[0]
    assert (layers[0].in_features, layers[0].out_features, layers[2].out_features) == (batch_size, 2 * length, length)


def test_larger_batch_is_an_error_that_names_both_sizes():
    with pytest.raises(ConfigError, match=r'at most 2 persons .* got 3: set allocation.batch_size=3'):
        WeightAllocation(2, 2, 2)(features(3), features(3))


def test_more_teacher_than_student_stages_is_an_error():
    with pytest.raises(ConfigError, match='between 1 and 2 teacher stages for 2 student stages, got 3'):
        WeightAllocation(4, num_student=2, num_teacher=3)


@pytest.mark.parametrize('arguments, message', [
    (dict(embed_channels=0), '^embed_channels=0: expected a whole number of at least 1'),
    (dict(embed_channels=8.), '^embed_channels=8.0: expected a whole number of at least 1'),
    (dict(batch_size=0), 'batch_size=0: expected a whole number of at least 1'),
    (dict(batch_size=4.), 'batch_size=4.0: expected a whole number of at least 1'),
])
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        WeightAllocation(**{**dict(batch_size=4, num_student=2, num_teacher=2), **arguments})


@needs_float16
def test_similarities_are_computed_in_float32_under_autocast():
    torch.manual_seed(0)
    allocation = WeightAllocation(4, 2, 2)
    student = [100 * f for f in features(4, ((64, 16, 16), (8, 4, 4)))]  # F F^T of 1e8 does not fit float16
    teacher = features(4, seed=1)
    expected = allocation(student, teacher)
    with torch.autocast('cpu', dtype=torch.float16):
        gamma = allocation([f.half() for f in student], teacher)
    assert gamma.dtype == torch.float32
    torch.testing.assert_close(gamma, expected, atol=1e-3, rtol=1e-2)


def test_the_loss_reaches_the_layers_and_the_student():
    torch.manual_seed(0)
    allocation = WeightAllocation(4, 2, 2)
    student = [f.requires_grad_() for f in features(4)]
    gamma = allocation(student, features(4, seed=1))
    (gamma * torch.tensor([1., 2., 3.])).sum().backward()
    assert all(p.grad is not None for p in allocation.parameters())
    assert all(layers[2].weight.grad.abs().sum() > 0 for layers in allocation.student_layers)
    assert all(f.grad.abs().sum() > 0 for f in student)


def test_training_moves_weight_to_the_pair_of_smallest_distance():
    torch.manual_seed(0)
    allocation = WeightAllocation(4, 2, 2)
    student, teacher, distances = features(4), features(4, seed=1), torch.tensor([3., 1., 3.])
    before = allocation(student, teacher)[:, 1].mean().item()
    optimizer = torch.optim.Adam(allocation.parameters(), lr=0.01)
    for _ in range(50):
        optimizer.zero_grad()
        (allocation(student, teacher) * distances).sum(1).mean().backward()
        optimizer.step()
    after = allocation(student, teacher)[:, 1].mean().item()
    assert before < after <= np.e / (np.e + 2 / np.e)  # never more: scalar products lie in [-1, 1]


def test_last_gamma_is_the_detached_mean_of_each_pair():
    allocation = WeightAllocation(4, 2, 2)
    assert allocation.last_gamma is None
    gamma = allocation(features(4), features(4, seed=1))
    assert not allocation.last_gamma.requires_grad
    torch.testing.assert_close(allocation.last_gamma, gamma.detach().mean(0))


def test_last_gamma_is_not_saved():
    allocation = WeightAllocation(4, 2, 2)
    keys = set(allocation.state_dict())
    allocation(features(4), features(4))
    assert set(allocation.state_dict()) == keys


def test_teacher_stage_guides_its_own_and_later_student_stages():
    assert stage_pairs(2, 3) == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2)]
