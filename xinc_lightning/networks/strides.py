"""Strides: by which factors a decoder upsamples from a small grid to the frame."""

from collections.abc import Sequence
from functools import cache
from itertools import combinations_with_replacement
from math import gcd, prod

from xinc_lightning.errors import UserError

BLOCKS = 5
"""Most blocks of a solved decoder, as HNeRV was published with."""

SIDES = range(2, 10)
"""Rows of a solved grid (or columns, whichever are fewer): HNeRV's has 2, NeRV's 9."""


def stem_grid(height: int, width: int, strides: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of the grid that the strides upsample to the frame.

    Raises:
        UserError: if the strides are not positive, or do not divide the resolution; names the nearest that they divide.

    >>> stem_grid(128, 256, (4, 2, 2))
    (8, 16)
    """
    if min(strides, default=1) < 1:
        raise UserError(f"strides must be 1 or more each, got {list(strides)}.")
    total = prod(strides)
    if height % total or width % total:
        near = [max(round(side / total), 1) * total for side in (height, width)]
        raise UserError(
            f"strides {list(strides)} do not divide the resolution {height}×{width}: both sides "
            f"must be multiples of {total}; the nearest such size is {near[0]}×{near[1]}."
        )
    return height // total, width // total


def solved_strides(height: int, width: int) -> list[int]:
    """Strides of at most five blocks that leave the smallest grid of at least 2 rows and columns.

    These are HNeRV's own for each of its resolutions.

    Raises:
        UserError: if no strides of 2 to 5 leave fewer than 10 rows or columns; names the nearest resolution for which
            some do.

    >>> solved_strides(640, 1280), solved_strides(960, 1920), solved_strides(480, 960)
    ([5, 4, 4, 2, 2], [5, 4, 4, 3, 2], [5, 4, 3, 2, 2])
    """
    common, shorter = gcd(height, width), min(height, width)
    fitting = [total for total in _totals() if common % total == 0 and shorter // total in SIDES]
    if fitting:
        return _strides(max(fitting))
    grids = [(max(round(height / t), 2) * t, max(round(width / t), 2) * t, t) for t in _totals()]
    near = min(
        (size for size in grids if min(size[:2]) // size[2] in SIDES),
        key=lambda size: (abs(size[0] - height) + abs(size[1] - width), -size[2]),
    )
    raise UserError(
        f"no strides of 2 to {max(FACTORS)} upsample a grid of fewer than {SIDES.stop} rows or columns to the "
        f"resolution {height}×{width}; the nearest size with such strides is {near[0]}×{near[1]}."
    )


FACTORS = (2, 3, 4, 5)


@cache
def _totals() -> list[int]:
    """All products of strides."""
    chosen = (prod(c) for n in range(1, BLOCKS + 1) for c in combinations_with_replacement(FACTORS, n))
    return sorted(set(chosen))


def _strides(total: int) -> list[int]:
    """Prime factors of a product, the largest first; as few pairs of 2 are made 4 as five blocks need."""
    primes = []
    for prime in (5, 3, 2):
        while total % prime == 0:
            primes.append(prime)
            total //= prime
    pairs = max(len(primes) - BLOCKS, 0)
    kept = primes[: len(primes) - 2 * pairs]
    return sorted([*kept, *[4] * pairs], reverse=True)
