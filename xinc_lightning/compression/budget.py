"""Parameters, bits and pixels: sizing a network from a bpp target (§6.1).

Sizes are integers and compared as such; a bpp is the float nearest to their ratio. So a printed bpp that is given as a
target builds the same network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

import torch
from torch import nn

from xinc_lightning.errors import UserError
from xinc_lightning.text import counted

FLOAT_BITS = 32


@dataclass(frozen=True)
class Budget:
    """Size of a network with 32-bit parameters in bits per pixel (§6.1).

    Args:
        parameters: trainable parameters of all networks together.
        frames: frames they represent.
        height: rows of a frame.
        width: columns of a frame.

    >>> round(Budget(978_557, 30, 128, 256).bpp, 2)
    31.85
    """

    parameters: int
    frames: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Of all frames."""
        return self.frames * self.height * self.width

    @property
    def bpp(self) -> float:
        """Bits per pixel, the float nearest to the ratio."""
        return FLOAT_BITS * self.parameters / self.pixels

    @property
    def printed_bpp(self) -> str:
        """Bits per pixel, rounded up to the fewest decimals (at least 2) that distinguish it from one parameter more.

        >>> Budget(978_557, 30, 128, 256).printed_bpp
        '31.8541'
        """
        decimals = 2
        while True:
            text = str(Decimal(self.bpp).quantize(Decimal(1).scaleb(-decimals), ROUND_CEILING))
            if parameters_for_bpp(float(text), self.frames, self.height, self.width) == self.parameters:
                return text
            decimals += 1

    def __str__(self) -> str:
        return (
            f"{self.parameters:,} parameters × {FLOAT_BITS} bits / "
            f"({counted(self.frames, 'frame')} × {self.height}×{self.width} pixels) "
            f"= {self.printed_bpp} bpp"
        )


def parameters_for_bpp(bpp: float, frames: int, height: int, width: int) -> int:
    """Most 32-bit parameters whose bits per pixel, as a float, are not above a target.

    >>> parameters_for_bpp(32.5, 30, 128, 256)
    998400
    """
    pixels = frames * height * width
    parameters = int(Fraction(bpp) * pixels / FLOAT_BITS)
    # The target may be the float below the ratio that it was rounded from.
    return parameters + (FLOAT_BITS * (parameters + 1) / pixels <= bpp)


def count_parameters(build: Callable[[], nn.Module]) -> int:
    """Parameters of the network that ``build`` makes, without allocating memory or drawing random numbers.

    >>> count_parameters(lambda: nn.Linear(10**6, 10**6))
    1000001000000
    """
    with torch.device("meta"):
        return sum(p.numel() for p in build().parameters())


def largest_width(count: Callable[[int], int], parameters: int, otherwise: str = "") -> int:
    """Largest width whose parameter count is at most ``parameters``, the rule that sizes the paper's networks.

    Args:
        count: parameters of a network of the given width, increasing.
        parameters: the budget.
        otherwise: what else than a larger budget would help, for the message.

    Raises:
        UserError: if even a width of 1 is over the budget, whose number of parameters it names, or the width does not
            matter.

    >>> largest_width(lambda w: 3 * w * w + 5 * w + 3, 33_331)
    104
    """
    if count(1) > parameters:
        raise UserError(
            f"A budget of {parameters:,} parameters is too small: the narrowest such network takes {count(1):,}. "
            f"Raise the bpp or parameter target{otherwise and f', or {otherwise}'}."
        )
    if count(2) == count(1):
        raise UserError(
            f"a network without hidden layers takes {count(1):,} parameters at any width; add a layer."
        )
    low, high = 1, 2
    while count(high) <= parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= parameters else (low, middle)
    return low
