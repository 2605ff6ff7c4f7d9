"""Every registered connector: the arguments that they share; finite and differentiable, in every precision."""
import pytest
import torch
from mmcv.cnn import ConvModule
from mmpose.registry import MODELS
from precision import HALF, needs_float16

N, IN, OUT, SIZE = 3, 4, 3, (6, 5)  # persons, channels of the student and of the teacher, (h, w) of maps
CONNECTORS = {
    'ConvAligner': dict(),
    'ConvAligner.enlarged': dict(scale=2),
    'ConvAligner.pooled': dict(scale=0.5),
    'MFTConnector': dict(),
    'MFTConnector.enlarged': dict(scale=2),
    'ChannelDropoutConnector': dict(),
    'ABFConnector': dict(mid_channels=5),
    'ABFConnector.deepest': dict(mid_channels=5, fuse=False),
}
OF_ONE_MAP = pytest.mark.parametrize('name', CONNECTORS)


def maps(seed, channels=IN):
    return torch.randn(N, channels, *SIZE, generator=torch.Generator().manual_seed(seed))


def connector_of(name, **changes):
    torch.manual_seed(0)
    return MODELS.build(dict(CONNECTORS[name], type=name.split('.')[0], in_channels=IN, out_channels=OUT, **changes))


def mapped(connector, x):
    deeper = [x[:, :1, ::2, ::2].expand(-1, 5, -1, -1)] if getattr(connector, 'gates', None) else []
    y = connector(x, *deeper)
    return y[0] if isinstance(y, tuple) else y


def allocation(**changes):
    """It takes the features of several stages and compares the persons of a batch."""
    torch.manual_seed(0)
    return MODELS.build(dict(type='WeightAllocation', batch_size=N, num_student=2, num_teacher=2, **changes))


def stages(seed):
    return [maps(seed), maps(seed + 10, 2)]


def test_no_connector_is_left_out():
    package = 'mmpose_kd.models.connectors'
    ours = {name for name, cls in MODELS.module_dict.items() if cls.__module__.startswith(package)}
    assert {name.split('.')[0] for name in CONNECTORS} | {'WeightAllocation'} == ours


@pytest.mark.parametrize('name', [*CONNECTORS, 'WeightAllocation'])
def test_layers_are_initialised_as_the_config_says(name):
    init_cfg = dict(type='Constant', layer=['Conv2d', 'Linear'], val=0.25)
    connector = allocation(init_cfg=init_cfg) if name == 'WeightAllocation' else connector_of(name, init_cfg=init_cfg)
    connector.init_weights()
    by_mmcv = {layer for m in connector.modules() if isinstance(m, ConvModule) for layer in m.modules()}  # its own rule
    layers = [m for m in connector.modules() if isinstance(m, (torch.nn.Conv2d, torch.nn.Linear)) and m not in by_mmcv]
    assert layers and all((m.weight == 0.25).all() for m in layers)


@pytest.mark.parametrize('name', [name for name, config in CONNECTORS.items() if 'scale' not in config])
def test_size_stays_by_default(name):
    assert mapped(connector_of(name), maps(0)).shape == (N, OUT, *SIZE)


@HALF
@OF_ONE_MAP
def test_a_connector_is_finite_in_half_precision(name, dtype):
    connector, x = connector_of(name).eval(), maps(0)
    for extreme in (1e3 * x.sign(), 6e-8 * x, torch.zeros_like(x)):
        with torch.autocast('cpu', dtype=dtype):
            y = mapped(connector, extreme)
        atol = 1e-6 + 0.03 * y.abs().max().item()
        torch.testing.assert_close(y.float(), mapped(connector, extreme), rtol=0.05, atol=atol)


@OF_ONE_MAP
def test_a_connector_trains_on_extreme_inputs(name, extreme):
    connector, x = connector_of(name), extreme(maps(0)).clone().requires_grad_()
    y = mapped(connector, x)
    y.square().mean().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in connector.parameters() if p.grad is not None)


@OF_ONE_MAP
def test_the_gradient_of_a_connector_is_that_of_its_values(name):
    connector = connector_of(name).double().eval()
    assert torch.autograd.gradcheck(lambda x: mapped(connector, x), maps(0)[:1].double().requires_grad_())


@OF_ONE_MAP
def test_a_person_passes_a_connector_alone_in_evaluation(name):
    connector, x = connector_of(name).eval(), maps(0)
    torch.testing.assert_close(mapped(connector, torch.cat([x, x])), torch.cat([mapped(connector, x)] * 2))


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
def test_weights_of_stages_are_finite_and_sum_to_one(extreme, dtype):
    student, teacher = ([extreme(x).to(dtype) for x in stages(seed)] for seed in (0, 1))
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
    student = tuple(x.double().requires_grad_() for x in stages(0))
    assert torch.autograd.gradcheck(lambda *student: module(student, teacher), student)
