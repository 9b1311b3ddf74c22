import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from xinc_lightning.networks.upsampling import gelu_shuffle


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("batch", "channels", "stride"), [(1, 3, 1), (2, 5, 2), (1, 1, 4), (3, 7, 3)])
def test_is_gelu_then_pixel_shuffle_with_its_gradient(batch, channels, stride, layout):
    x = torch.randn(batch, channels * stride**2, 4, 6, generator=torch.Generator().manual_seed(0))
    x = (3 * x).to(memory_format=layout).requires_grad_()
    expected, ours = F.pixel_shuffle(F.gelu(x), stride), gelu_shuffle(x, stride)
    weights = torch.arange(expected.numel(), dtype=torch.float32).reshape(expected.shape).cos()
    (gradient,) = torch.autograd.grad((expected * weights).sum(), x)
    (ours_gradient,) = torch.autograd.grad((ours * weights).sum(), x)
    torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours_gradient, gradient, rtol=1e-6, atol=1e-6)


def test_gradient_numerically():
    x = torch.randn(1, 8, 3, 2, dtype=torch.float64).to(memory_format=torch.channels_last).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: gelu_shuffle(x, 2), x)
