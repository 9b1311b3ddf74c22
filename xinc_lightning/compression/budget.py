"""Parameters, bits and pixels: sizing a network from a bpp target (§6.1)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from xinc_lightning.errors import UserError

FLOAT_BITS = 32


@dataclass(frozen=True)
class Budget:
    """What a network costs in bits per pixel (§6.1).

    Args:
        parameters: trainable parameters, of all networks together.
        frames: frames they represent.
        height: rows of a frame.
        width: columns of a frame.
        bits_per_parameter: 32 for floats.

    >>> round(Budget(978_557, 30, 128, 256).bpp, 2)
    31.85
    """

    parameters: int
    frames: int
    height: int
    width: int
    bits_per_parameter: float = FLOAT_BITS

    @property
    def bpp(self) -> float:
        """Bits per pixel."""
        return self.parameters * self.bits_per_parameter / (self.frames * self.height * self.width)

    def __str__(self) -> str:
        return (
            f"{self.parameters:,} parameters × {self.bits_per_parameter:g} bits / "
            f"({self.frames} frame{'s' * (self.frames > 1)} × {self.height}×{self.width} pixels) "
            f"= {self.bpp:.2f} bpp"
        )


def parameters_for_bpp(bpp: float, frames: int, height: int, width: int, bits: float = FLOAT_BITS) -> int:
    """Most parameters that stay within a bits-per-pixel target.

    >>> parameters_for_bpp(32.5, 30, 128, 256)
    998400
    """
    return math.floor(bpp * frames * height * width / bits)


def count_parameters(build: Callable[[], nn.Module]) -> int:
    """Parameters of the network that ``build`` makes, without taking memory or random numbers for them.

    >>> count_parameters(lambda: nn.Linear(10**6, 10**6))
    1000001000000
    """
    with torch.device("meta"):
        return sum(p.numel() for p in build().parameters())


def largest_width(count: Callable[[int], int], parameters: int) -> int:
    """Largest width whose parameter count stays within ``parameters``, the rule by which the paper's are sized.

    Args:
        count: parameters of a network of the given width, increasing.
        parameters: the budget.

    Raises:
        UserError: if even a width of 1 is over the budget; names what that width takes.

    >>> largest_width(lambda w: 3 * w * w + 5 * w + 3, 33_331)
    104
    """
    if count(1) > parameters:
        raise UserError(
            f"A budget of {parameters:,} parameters is too small: the narrowest such network takes {count(1):,}. "
            "Raise the bpp or parameter target, or use more strides so that the stem gets smaller."
        )
    low, high = 1, 2
    while count(high) <= parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= parameters else (low, middle)
    return low
