"""GELU and PixelShuffle in one function, which is faster on a CPU."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812


def gelu_shuffle(x: Tensor, stride: int) -> Tensor:
    """``pixel_shuffle(gelu(x), stride)``, with exactly the same values.

    On a CPU, with channels last in memory, PyTorch's own two functions take 1.5 times as long: its GELU is faster on
    tensors that are contiguous as indexed, and its backward pass of PixelShuffle processes one value at a time.

    Args:
        x: [batch, channels·stride², height, width].
        stride: upsampling factor.

    Returns:
        [batch, channels, height·stride, width·stride].
    """
    if x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last):
        shuffled: Tensor = _ChannelsLast.apply(x, stride)  # type: ignore[no-untyped-call]
        return shuffled
    return F.pixel_shuffle(F.gelu(x), stride)


class _ChannelsLast(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.stride = stride
        return F.pixel_shuffle(F.gelu(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), stride)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        n, channels, height, width = x.shape
        r = ctx.stride
        # Each pixel's r² sub-pixels come together, phase by phase, then the phases of each channel.
        gradient = gradient.permute(0, 2, 3, 1).reshape(n, height, r, width, r, channels // r**2)
        gradient = gradient.transpose(2, 3).reshape(n, height, width, channels).permute(0, 3, 1, 2)
        gradient = torch.native_channel_shuffle(gradient, r**2)
        last = torch.ops.aten.gelu_backward(gradient.permute(0, 2, 3, 1), x.permute(0, 2, 3, 1))
        return last.permute(0, 3, 1, 2), None
