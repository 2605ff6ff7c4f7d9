"""What the installed PyTorch can compute in half precision without a GPU."""
import pytest
import torch


def _float16_autocast() -> bool:
    try:
        with torch.autocast('cpu', dtype=torch.float16):
            return torch.nn.functional.linear(torch.ones(1, 1), torch.ones(1, 1)).dtype == torch.float16
    except RuntimeError:
        return False


needs_float16 = pytest.mark.skipif(
    not _float16_autocast(), reason=f'PyTorch {torch.__version__} has no float16 autocast on a CPU, only bfloat16')
HALF = pytest.mark.parametrize('dtype', [torch.bfloat16, pytest.param(torch.float16, marks=needs_float16)])
