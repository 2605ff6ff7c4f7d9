"""Every registered loss: finite, differentiable, fair to persons and joints, in every precision."""
import functools

import pytest
import torch
from mmpose.registry import MODELS

N, K, SIZE, BINS = 3, 4, (6, 5), (12, 10)  # persons, joints, (h, w) of maps, bins of x and y
LIMBS = [[0, 1], [1, 2], [2, 3]]


def maps(seed):
    return (torch.randn(N, K, *SIZE, generator=torch.Generator().manual_seed(seed)), )


def logits(seed):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(N, K, bins, generator=generator) for bins in BINS)


def poses(seed):
    return tuple(4 * torch.randn(N, K, 2, generator=torch.Generator().manual_seed(seed + i)) for i in range(2))


def single(loss, student, teacher, weights):
    return loss(student[0], teacher[0])


def weighted_single(loss, student, teacher, weights):
    return loss(student[0], teacher[0], weights)


def axes(loss, student, teacher, weights):
    return loss(student, teacher, weights)


def with_labels(loss, student, teacher, weights):
    labels = (x.double().softmax(-1).mul(128).round() / 128 for x in teacher)  # which every precision has exactly
    return loss(student, tuple(label.to(x.dtype) for label, x in zip(labels, teacher)), weights)


def refined(loss, student, teacher, weights):
    return loss(student, teacher[-1], weights, (16, 16))


# name: config, how inputs are made, how the loss is called, whether it takes weights of joints
LOSSES = {
    'SimDRLoss': (dict(), logits, with_labels, True),
    'SimDRKLLoss': (dict(temperature=2.), logits, axes, True),
    'HeatmapKDLoss': (dict(mode='mse'), maps, weighted_single, True),
    'HeatmapKDLoss.kl': (dict(mode='kl', temperature=0.5), maps, weighted_single, True),
    'JointStructureLoss': (dict(skeleton=LIMBS, relation_weight=1.), maps, weighted_single, True),
    'JointStructureLoss.simdr': (dict(skeleton=LIMBS, relation_weight=1.), logits, axes, True),
    'ProgressivePoseLoss': (dict(step_weights=(0.5, 1.)), poses, refined, True),
    'FeatureMSELoss': (dict(), maps, single, False),
    'FeatureMSELoss.layer': (dict(normalize='layer'), maps, single, False),
    'FeatureMSELoss.channel': (dict(normalize='channel'), maps, single, False),
    'HCLLoss': (dict(levels=(2, 1)), maps, single, False),
    'RKDLoss': (dict(), maps, single, False),
    'SimilarityLoss': (dict(), maps, single, False),
    'AttentionTransferLoss': (dict(), maps, single, False),
}
MASKED = [name for name, case in LOSSES.items() if case[3]]
TAUGHT = [name for name in LOSSES if name != 'SimDRLoss']  # which compares with labels
MASKS = {
    'one joint': [[1., 0., 1., 1.]] * N,
    'joints of each person': [[0., 1., 1., 0.], [1., 1., 1., 1.], [1., 0.5, 0., 1.]],
    'a person': [[1., 1., 1., 1.], [0., 0., 0., 0.], [1., 1., 1., 1.]],
    'all': [[0., 0., 0., 0.]] * N,
}


@functools.cache
def loss_of(name):
    """A loss as a function of the student's and the teacher's tensors and the joints' weights."""
    config, inputs, call, _ = LOSSES[name]
    return functools.partial(call, MODELS.build(dict(config, type=name.split('.')[0]))), inputs


def some_weights(seed=2):
    return torch.rand(N, K, generator=torch.Generator().manual_seed(seed))


def leaves(tensors, dtype=torch.float32):
    return tuple(x.detach().to(dtype).clone().requires_grad_() for x in tensors)


def gradients(value, tensors):
    return [torch.zeros_like(x) if g is None else g
            for x, g in zip(tensors, torch.autograd.grad(value, tensors, allow_unused=True))]


def test_no_loss_is_left_out():
    ours = {name for name, cls in MODELS.module_dict.items() if cls.__module__.startswith('mmpose_kd.models.losses')}
    assert {name.split('.')[0] for name in LOSSES} == ours


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize('name', LOSSES)
def test_a_loss_is_finite_on_extreme_inputs(name, extreme, dtype):
    loss, inputs = loss_of(name)
    student, teacher = (tuple(extreme(x).to(dtype) for x in inputs(seed)) for seed in (0, 1))
    for s, t in ((student, teacher), (student, inputs(1)), (inputs(0), teacher)):
        s = leaves(s)  # the gradient that the optimizer sees is float32's
        value = loss(tuple(x.to(dtype) for x in s) if dtype != torch.float16 else s, t, torch.ones(N, K))
        assert value.dtype == torch.float32 and value.isfinite(), value
        assert all(g.isfinite().all() for g in gradients(value, s))


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize('name', LOSSES)
def test_every_precision_is_computed_in_float32(name, dtype):
    loss, inputs = loss_of(name)
    sides = [tuple(x.to(dtype) for x in inputs(seed)) for seed in (0, 1)]
    value = loss(*sides, some_weights())
    assert value.dtype == torch.float32
    exact = loss(*(tuple(x.double() for x in side) for side in sides), some_weights().double())
    torch.testing.assert_close(value.double(), exact, rtol=1e-5, atol=0)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('name', LOSSES)
def test_autocast_changes_nothing(name, dtype):
    loss, inputs = loss_of(name)
    student, teacher = (tuple(x.to(dtype) for x in inputs(seed)) for seed in (0, 1))
    with torch.autocast('cpu', torch.bfloat16):
        value = loss(student, teacher, some_weights())
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(student, teacher, some_weights()), rtol=1e-6, atol=0)


@pytest.mark.parametrize('name', LOSSES)
def test_the_gradient_of_a_loss_is_that_of_its_values(name):
    loss, inputs = loss_of(name)
    teacher, weights = tuple(x.double() for x in inputs(1)), some_weights().double()
    assert torch.autograd.gradcheck(lambda *student: loss(student, teacher, weights), leaves(inputs(0), torch.float64))


@pytest.mark.parametrize('name', TAUGHT)
def test_the_teacher_gets_no_gradient(name):
    loss, inputs = loss_of(name)
    student, teacher = leaves(inputs(0)), leaves(inputs(1))
    loss(student, teacher, torch.ones(N, K)).backward()
    assert all(x.grad.any() for x in student)
    assert all(x.grad is None for x in teacher)


@pytest.mark.parametrize('name', LOSSES)
def test_duplicating_the_batch_leaves_the_loss(name):
    loss, inputs = loss_of(name)
    once = loss(inputs(0), inputs(1), some_weights())
    twice = loss(*(tuple(torch.cat([x, x]) for x in inputs(seed)) for seed in (0, 1)), some_weights().repeat(2, 1))
    torch.testing.assert_close(twice, once)


@pytest.mark.parametrize('name', LOSSES)
def test_the_loss_of_a_batch_is_the_mean_over_equal_parts_unless_it_compares_persons(name):
    """What data parallel training does: each process has a part of the batch, and gradients are averaged."""
    loss, inputs = loss_of(name)
    parts = [leaves(inputs(seed)) for seed in (0, 2)]
    teachers = [inputs(seed) for seed in (1, 3)]
    weights = [some_weights(seed) for seed in (4, 5)]
    whole = leaves([torch.cat(both) for both in zip(*parts)])
    alone = loss(whole, tuple(map(torch.cat, zip(*teachers))), torch.cat(weights))
    mean = sum(map(loss, parts, teachers, weights)) / 2
    compares = name in ('RKDLoss', 'SimilarityLoss')
    assert (mean.item() == pytest.approx(alone.item(), rel=1e-5)) is not compares
    shared = gradients(mean, [x for part in parts for x in part])
    for gradient, x, y in zip(gradients(alone, whole), shared[:len(whole)], shared[len(whole):]):
        assert torch.allclose(gradient, torch.cat([x, y]), rtol=1e-4, atol=1e-8) is not compares


@pytest.mark.parametrize('mask', MASKS)
@pytest.mark.parametrize('name', MASKED)
def test_a_masked_joint_has_no_say_and_no_gradient(name, mask):
    loss, inputs = loss_of(name)
    weights, student, teacher = torch.tensor(MASKS[mask]), leaves(inputs(0)), inputs(1)
    value = loss(student, teacher, weights)
    for gradient in gradients(value, student):
        assert torch.equal(gradient.flatten(2).any(-1), weights > 0)
    others = tuple(x.clone() for x in teacher)
    for x in others:
        x[weights == 0] = 7.
    assert torch.equal(loss(student, others, weights), value)
    if mask == 'all':
        assert value == 0
