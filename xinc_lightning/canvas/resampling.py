"""Shuffles, filters and upsampling of stacks of maps, and convolutions whose output is as large as their input."""

from functools import reduce

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

Maps = Float[Tensor, "n frames rows cols"]
LargerMaps = Float[Tensor, "n frames height width"]


def shuffle_masked(terms: Maps, phases: Int[Tensor, " n"], factor: int) -> LargerMaps:
    """PixelShuffle of single kernels: each map is non-zero only at its own sub-pixel phase (§3.2.2).

    >>> shuffle_masked(torch.ones(1, 1, 1, 2), torch.tensor([3]), 2)[0, 0]
    tensor([[0., 0., 0., 0.],
            [0., 1., 0., 1.]])
    """
    n, frames, rows, cols = terms.shape
    maps = terms.new_zeros(n, frames, rows, factor, cols, factor)
    # Indexing two axes with slices between them puts the neurons first.
    maps[torch.arange(n, device=terms.device), :, :, phases // factor, :, phases % factor] = terms
    return maps.reshape(n, frames, rows * factor, cols * factor)


def box_filter(maps: Maps, kernel: tuple[int, int]) -> Maps:
    """Mean over a kernel's footprint, zeros outside the frame (proximity correction, §3.2.3).

    >>> box_filter(torch.ones(1, 1, 1, 3), (1, 3))[0, 0]
    tensor([[0.6667, 1.0000, 0.6667]])
    """
    padded = pad_same(maps, kernel)
    height, width = maps.shape[-2:]
    # One axis after the other: an eighth of avg_pool2d's time.
    columns = reduce(torch.add, (padded[..., row : row + height, :] for row in range(kernel[0])))
    sums = reduce(torch.add, (columns[..., col : col + width] for col in range(kernel[1])))
    return sums / (kernel[0] * kernel[1])


def upsample_nearest(maps: Maps, factor: int) -> LargerMaps:
    """Repeat every value ``factor`` × ``factor`` times."""
    return maps.repeat_interleave(factor, -2).repeat_interleave(factor, -1) if factor > 1 else maps


def pad_same(maps: Tensor, kernel: tuple[int, int] | torch.Size) -> Tensor:
    """Zeros around the last two axes such that a filter's output is as large as its input.

    Even kernels get the odd row or column at the end, as ``nn.Conv2d(padding="same")`` does.
    """
    rows, cols = kernel[0] - 1, kernel[1] - 1
    return F.pad(maps, (cols // 2, cols - cols // 2, rows // 2, rows - rows // 2))


def convolve(
    values: Float[Tensor, "n inputs rows cols"],
    weight: Float[Tensor, "outputs inputs kernel_rows kernel_cols"],
    bias: Float[Tensor, " outputs"] | None = None,
) -> Float[Tensor, "n outputs rows cols"]:
    """A convolution of stride 1 whose output is as large as its input."""
    rows, cols = weight.shape[2:]
    if rows % 2 and cols % 2:
        return F.conv2d(values, weight, bias, padding=(rows // 2, cols // 2))
    return F.conv2d(pad_same(values, weight.shape[2:]), weight, bias)
