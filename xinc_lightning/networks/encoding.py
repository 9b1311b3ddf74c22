"""Encodings of pixel coordinates (FFN; none for SIREN) and of time (NeRV)."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def pixel_grid(height: int, width: int) -> Tensor:
    """Coordinates of every pixel, the input of an FFN or a SIREN (§6.1).

    Both axes are divided by the longer one, so the shorter axis spans only part of [-1, 1].

    Returns:
        [height, width, 2], last axis (row, col), float32.

    >>> pixel_grid(2, 3)[..., 1]
    tensor([[-1.,  0.,  1.],
            [-1.,  0.,  1.]])
    """
    longest = max(max(height, width) - 1, 1)
    rows, cols = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack((rows, cols), dim=-1) / longest * 2 - 1


class Grid(Protocol):
    """The encoded pixels of an image, precomputed for layers that are applied to them repeatedly."""

    @property
    def device(self) -> torch.device:
        """Where it is."""

    def to(self, like: Tensor) -> Self:
        """The same with the dtype and on the device of a tensor."""

    def linear(self, weight: Tensor, bias: Tensor) -> Tensor:
        """A linear layer, or one per frame, applied to the features.

        Args:
            weight: [out, features] or [frames, out, features].
            bias: [out] or [frames, out].

        Returns:
            [..., out, pixels], the pixels in an order of the grid's own, see :meth:`unfold`.
        """

    def unfold(self, values: Tensor) -> Tensor:
        """Pixels in the order of :meth:`linear`'s result, reordered to that of the image: [..., pixels]."""


class Encoding(nn.Module, ABC):
    """Base of the encodings of pixel coordinates: [..., 2] to [..., features]."""

    @abstractmethod
    def folded(self, height: int, width: int) -> Grid:
        """The encoding of :func:`pixel_grid`, precomputed for layers that are applied to it repeatedly."""


class NoEncoding(Encoding):
    """The coordinates themselves."""

    def forward(self, coordinates: Tensor) -> Tensor:
        """The coordinates, [..., 2]."""
        return coordinates

    def folded(self, height: int, width: int) -> "PlainGrid":
        """The coordinates of :func:`pixel_grid`."""
        return PlainGrid(pixel_grid(height, width).reshape(-1, 2).T.contiguous())


@dataclass(frozen=True)
class PlainGrid:
    """A :class:`Grid` of features as they are.

    Attributes:
        features: [features, pixels].
    """

    features: Tensor

    @property
    def device(self) -> torch.device:
        """Of the features."""
        return self.features.device

    def to(self, like: Tensor) -> "PlainGrid":
        """The same with the dtype and on the device of a tensor."""
        return PlainGrid(self.features.to(like))

    def linear(self, weight: Tensor, bias: Tensor) -> Tensor:
        """See :meth:`Grid.linear`; the pixels are in the image's order."""
        return affine(weight, bias, self.features)

    def unfold(self, values: Tensor) -> Tensor:
        """The values."""
        return values


class FourierEncoding(Encoding):
    """Random Fourier features [sin(2πBx), cos(2πBx)] of pixel coordinates (§3.1, §6.1).

    Args:
        frequencies: rows of B; the encoding has twice as many features.
        scale: standard deviation of B's normal distribution.
    """

    B: Tensor

    def __init__(self, frequencies: int = 104, scale: float = 10.0) -> None:
        super().__init__()
        self.register_buffer("B", torch.randn(frequencies, 2) * scale)

    def forward(self, coordinates: Tensor) -> Tensor:
        """Encode [..., 2] coordinates as [..., 2·frequencies] features."""
        angles = 2 * math.pi * coordinates @ self.B.T
        return torch.cat((angles.sin(), angles.cos()), dim=-1)

    @torch.no_grad()
    def folded(self, height: int, width: int) -> "FoldedGrid":
        """The encoding of :func:`pixel_grid`, precomputed for layers that are applied to it repeatedly."""
        grid = pixel_grid(height, width).reshape(-1, 2).double().cpu()
        frequencies = 2 * math.pi * self.B.double().cpu()
        centre = (grid[0] + grid[-1]) / 2
        here = frequencies @ centre
        around = frequencies @ (grid[: -(-len(grid) // 2)] - centre).T
        parts = (here.sin(), here.cos(), around.sin(), around.cos())
        return FoldedGrid(len(grid), *parts).to(self.B)


@dataclass(frozen=True)
class FoldedGrid:
    """A :class:`Grid` of Fourier features, folded at its centre so that a layer costs half as much.

    The features of pixels at c + u and c − u, with c the grid's centre, are sums of the same products of sin and cos
    of 2πBc and 2πBu, except for the sign of sin 2πBu. So the output of a linear layer is a part that is equal for
    both pixels plus a part of opposite sign, and both parts are computed for half of the pixels only.

    Attributes:
        pixels: of the grid.
        sin_centre: [frequencies] sin 2πBc.
        cos_centre: [frequencies] cos 2πBc.
        sines: [frequencies, pixels / 2] sin 2πBu of the first half of the pixels, the one in the middle included.
        cosines: [frequencies, pixels / 2] cos 2πBu.
    """

    pixels: int
    sin_centre: Tensor
    cos_centre: Tensor
    sines: Tensor
    cosines: Tensor

    @property
    def device(self) -> torch.device:
        """Of the features."""
        return self.sines.device

    def to(self, like: Tensor) -> "FoldedGrid":
        """The same with the dtype and on the device of a tensor."""
        parts = (self.sin_centre, self.cos_centre, self.sines, self.cosines)
        return FoldedGrid(self.pixels, *(part.to(like) for part in parts))

    def linear(self, weight: Tensor, bias: Tensor) -> Tensor:
        """A linear layer, or one per frame, applied to the features.

        Args:
            weight: [out, 2·frequencies] or [frames, out, 2·frequencies].
            bias: [out] or [frames, out].

        Returns:
            [..., out, pixels]: the first half's pixels, then the other half's from the last to the middle. See
            :meth:`unfold`.
        """
        of_sines, of_cosines = weight.chunk(2, dim=-1)
        same = of_sines * self.sin_centre + of_cosines * self.cos_centre
        opposite = of_sines * self.cos_centre - of_cosines * self.sin_centre
        common = affine(same, bias, self.cosines)
        both: Tensor = _PlusAndMinus.apply(common, opposite @ self.sines)  # type: ignore[no-untyped-call]
        return both

    def unfold(self, values: Tensor) -> Tensor:
        """Pixels in the order of :meth:`linear`'s result, reordered to that of the grid: [..., pixels]."""
        first, second = values.tensor_split(2, dim=-1)
        return torch.cat((first, second[..., : self.pixels // 2].flip(-1)), dim=-1)


def affine(weight: Tensor, bias: Tensor, values: Tensor) -> Tensor:
    """A linear layer, or one per frame, applied to [inputs, pixels], or to one such tensor per frame."""
    if weight.ndim == 2:
        return torch.addmm(bias[:, None], weight, values)
    return torch.baddbmm(bias[..., None], weight, values.expand(len(weight), -1, -1))


class _PlusAndMinus(torch.autograd.Function):
    """a + b and a − b side by side, without the copies of ``cat``."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        half = a.shape[-1]
        both = a.new_empty(*a.shape[:-1], 2 * half)
        torch.add(a, b, out=both[..., :half])
        torch.sub(a, b, out=both[..., half:])
        return both

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        plus, minus = gradient.tensor_split(2, dim=-1)
        return plus + minus, plus - minus


class FrameEncoding(nn.Module):
    """NeRV's encoding of a frame's time: sine and cosine at the bases 1.25^k·π (§6.1).

    The paper's largest angle is 1.4e8, where neighbouring float32 numbers are further apart than a period. So
    angles and their sines are computed in float64, as in the authors' loader, and only the features are
    rounded. The bases themselves are rounded to float32, like theirs.

    Args:
        base: ratio of neighbouring frequencies.
        levels: number of frequencies; the encoding has twice as many features.

    Attributes:
        precision: of the angles. Networks of version 0.1 were trained on features of float32 angles.
    """

    bases: Tensor

    def __init__(self, base: float = 1.25, levels: int = 80) -> None:
        super().__init__()
        self.register_buffer("bases", base ** torch.arange(levels) * math.pi, persistent=False)
        self.precision = torch.float64

    def forward(self, t: Tensor) -> Tensor:
        """Encode [batch] times in [0, 1), float64 where they are not exact in float32, as [batch, 2·levels, 1, 1].

        The features have the bases' dtype and are on their device, wherever the times are.
        """
        angles = t.to(self.precision)[:, None] * self.bases.to(t.device, self.precision)
        return torch.cat((angles.sin(), angles.cos()), dim=-1).to(self.bases)[:, :, None, None]
