import pytest
import torch

# What inputs are multiplied with or replaced by, within float16's range of 65504 and down to its denormals.
EXTREMES = {
    'huge': lambda x: x.sign() * 6e4,
    'tiny': lambda x: x * 6e-8,
    'zero': torch.zeros_like,
    'equal': lambda x: torch.full_like(x, 3.),
    'spike': lambda x: torch.nn.functional.one_hot(x.flatten(2).argmax(-1), x[0, 0].numel()).view_as(x) * 6e4,
    'equal persons': lambda x: x[:1].expand_as(x),
}


@pytest.fixture(params=EXTREMES)
def extreme(request):
    return EXTREMES[request.param]
