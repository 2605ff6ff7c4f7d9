"""Every registered loss and connector: finite, differentiable, fair to persons and joints, in every precision."""
import functools

import pytest
import torch
from mmpose.registry import MODELS
from precision import HALF, needs_float16

N, K, SIZE, BINS = 3, 4, (6, 5), (12, 10)  # persons, joints, (h, w) of maps, bins of x and y
LIMBS = [[0, 1], [1, 2], [2, 3]]


def maps(seed, channels=K):
    return (torch.randn(N, channels, *SIZE, generator=torch.Generator().manual_seed(seed)), )


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
    return loss(student, tuple(x.double().softmax(-1).to(x.dtype) for x in teacher), weights)


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
CONNECTORS = {
    'ConvAligner': dict(scale=2),
    'ConvAligner.pooled': dict(scale=0.5),
    'MFTConnector': dict(scale=2),
    'ChannelDropoutConnector': dict(),
    'ABFConnector': dict(mid_channels=5, fuse=False),
}
# What inputs are multiplied with or replaced by, within float16's range of 65504 and down to its denormals.
EXTREMES = {
    'huge': lambda x: x.sign() * 6e4,
    'tiny': lambda x: x * 6e-8,
    'zero': torch.zeros_like,
    'equal': lambda x: torch.full_like(x, 3.),
    'spike': lambda x: torch.nn.functional.one_hot(x.flatten(2).argmax(-1), x[0, 0].numel()).view_as(x) * 6e4,
    'equal persons': lambda x: x[:1].expand_as(x),
}


@functools.cache
def loss_of(name):
    """A loss as a function of the student's and the teacher's tensors and the joints' weights."""
    config, inputs, call, _ = LOSSES[name]
    return functools.partial(call, MODELS.build(dict(config, type=name.split('.')[0]))), inputs


def ours(package):
    package = f'mmpose_kd.models.{package}'
    return {name for name, cls in MODELS.module_dict.items() if cls.__module__.startswith(package)}


def leaves(tensors, dtype=torch.float32):
    return tuple(x.detach().to(dtype).clone().requires_grad_() for x in tensors)


def gradients(value, tensors):
    return [torch.zeros_like(x) if g is None else g
            for x, g in zip(tensors, torch.autograd.grad(value, tensors, allow_unused=True))]


def test_no_loss_or_connector_is_left_out():
    assert {name.split('.')[0] for name in LOSSES} == ours('losses')
    assert {name.split('.')[0] for name in CONNECTORS} | {'WeightAllocation'} == ours('connectors')


# Losses


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize('extreme', EXTREMES)
@pytest.mark.parametrize('name', LOSSES)
def test_a_loss_is_finite_on_extreme_inputs(name, extreme, dtype):
    loss, inputs = loss_of(name)
    student, teacher = (tuple(EXTREMES[extreme](x).to(dtype) for x in inputs(seed)) for seed in (0, 1))
    for s, t in ((student, teacher), (student, inputs(1)), (inputs(0), teacher)):
        s = leaves(s)  # the gradient that the optimizer sees is float32's
        value = loss(tuple(x.to(dtype) for x in s) if dtype != torch.float16 else s, t, torch.ones(N, K))
        assert value.dtype == torch.float32 and value.isfinite(), value
        assert all(g.isfinite().all() for g in gradients(value, s))


@pytest.mark.parametrize('name', LOSSES)
def test_half_precision_inputs_give_a_loss_near_that_of_float32(name):
    loss, inputs = loss_of(name)
    expected = loss(inputs(0), inputs(1), torch.ones(N, K))
    for dtype, tolerance in ((torch.float16, 0.01), (torch.bfloat16, 0.08)):
        value = loss(tuple(x.to(dtype) for x in inputs(0)), tuple(x.to(dtype) for x in inputs(1)), torch.ones(N, K))
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(expected.item(), rel=tolerance)


@pytest.mark.parametrize('name', LOSSES)
def test_the_gradient_of_a_loss_is_that_of_its_values(name):
    loss, inputs = loss_of(name)
    teacher = tuple(x.double() for x in inputs(1))
    weights = torch.rand(N, K, generator=torch.Generator().manual_seed(2)).double()
    assert torch.autograd.gradcheck(lambda *student: loss(student, teacher, weights), leaves(inputs(0), torch.float64))


@pytest.mark.parametrize('name', LOSSES)
def test_duplicating_the_batch_leaves_the_loss(name):
    loss, inputs = loss_of(name)
    weights = torch.rand(N, K, generator=torch.Generator().manual_seed(2))
    once = loss(inputs(0), inputs(1), weights)
    twice = loss(*(tuple(torch.cat([x, x]) for x in inputs(seed)) for seed in (0, 1)), torch.cat([weights, weights]))
    torch.testing.assert_close(twice, once)


@pytest.mark.parametrize('name', LOSSES)
def test_the_loss_of_a_batch_is_the_mean_over_equal_parts_unless_it_compares_persons(name):
    """What data parallel training does: each process has a part of the batch, and gradients are averaged."""
    loss, inputs = loss_of(name)
    parts = [leaves(inputs(seed)) for seed in (0, 2)]
    teachers = [inputs(seed) for seed in (1, 3)]
    weights = [torch.rand(N, K, generator=torch.Generator().manual_seed(seed)) for seed in (4, 5)]
    whole = leaves([torch.cat(both) for both in zip(*parts)])
    alone = loss(whole, tuple(map(torch.cat, zip(*teachers))), torch.cat(weights))
    mean = sum(map(loss, parts, teachers, weights)) / 2
    compares = name in ('RKDLoss', 'SimilarityLoss')
    assert (mean.item() == pytest.approx(alone.item(), rel=1e-5)) is not compares
    shared = gradients(mean, [x for part in parts for x in part])
    for gradient, x, y in zip(gradients(alone, whole), shared[:len(whole)], shared[len(whole):]):
        assert torch.allclose(gradient, torch.cat([x, y]), rtol=1e-4, atol=1e-8) is not compares


@pytest.mark.parametrize('masked', [[1], [0, 3], [0, 1, 2, 3]], ids=str)
@pytest.mark.parametrize('name', MASKED)
def test_a_masked_joint_has_no_say_and_no_gradient(name, masked):
    loss, inputs = loss_of(name)
    weights, student, teacher = torch.ones(N, K), leaves(inputs(0)), inputs(1)
    weights[:, masked] = 0
    value = loss(student, teacher, weights)
    for gradient in gradients(value, student):
        assert (gradient[:, masked] == 0).all()
    others = tuple(x.clone() for x in teacher)
    for x in others:
        x[:, masked] = 7.
    assert torch.equal(loss(student, others, weights), value)
    if len(masked) == K:
        assert value == 0


# Connectors


def connector_of(name, **changes):
    torch.manual_seed(0)
    return MODELS.build(dict(CONNECTORS[name], type=name.split('.')[0], in_channels=K, out_channels=3, **changes))


def mapped(connector, x):
    y = connector(x)
    return y[0] if isinstance(y, tuple) else y


@HALF
@pytest.mark.parametrize('name', CONNECTORS)
def test_a_connector_is_finite_in_half_precision(name, dtype):
    connector, x = connector_of(name).eval(), maps(0)[0]
    for extreme in (1e3 * x.sign(), 6e-8 * x, torch.zeros_like(x)):
        with torch.autocast('cpu', dtype=dtype):
            y = mapped(connector, extreme)
        atol = 1e-6 + 0.03 * y.abs().max().item()
        torch.testing.assert_close(y.float(), mapped(connector, extreme), rtol=0.05, atol=atol)


@pytest.mark.parametrize('extreme', EXTREMES)
@pytest.mark.parametrize('name', CONNECTORS)
def test_a_connector_trains_on_extreme_inputs(name, extreme):
    connector, (x, ) = connector_of(name), leaves([EXTREMES[extreme](maps(0)[0])])
    y = mapped(connector, x)
    y.square().mean().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in connector.parameters() if p.grad is not None)


@pytest.mark.parametrize('name', CONNECTORS)
def test_the_gradient_of_a_connector_is_that_of_its_values(name):
    connector = connector_of(name).double().eval()
    assert torch.autograd.gradcheck(lambda x: mapped(connector, x), leaves([maps(0)[0][:1]], torch.float64))


@pytest.mark.parametrize('name', CONNECTORS)
def test_a_person_passes_a_connector_alone_in_evaluation(name):
    connector, x = connector_of(name).eval(), maps(0)[0]
    torch.testing.assert_close(mapped(connector, torch.cat([x, x])), torch.cat([mapped(connector, x)] * 2))


# Weight allocation, which takes the features of several stages and compares the persons of a batch


def allocation():
    torch.manual_seed(0)
    return MODELS.build(dict(type='WeightAllocation', batch_size=N, num_student=2, num_teacher=2))


def stages(seed):
    return [maps(seed)[0], maps(seed + 10, 2)[0]]


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize('extreme', EXTREMES)
def test_weights_of_stages_are_finite_and_sum_to_one(extreme, dtype):
    student, teacher = ([EXTREMES[extreme](x).to(dtype) for x in stages(seed)] for seed in (0, 1))
    gamma = allocation()(student, teacher)
    assert gamma.dtype == torch.float32
    torch.testing.assert_close(gamma.sum(1), torch.ones(N))


@needs_float16
def test_weights_of_stages_do_not_depend_on_autocast():
    with torch.autocast('cpu', dtype=torch.float16):
        gamma = allocation()(stages(0), stages(1))
    torch.testing.assert_close(gamma, allocation()(stages(0), stages(1)))


def test_the_gradient_of_the_weights_of_stages_is_that_of_their_values():
    module, teacher = allocation().double(), [x.double() for x in stages(1)]
    assert torch.autograd.gradcheck(lambda *student: module(student, teacher), leaves(stages(0), torch.float64))
