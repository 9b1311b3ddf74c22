"""Probability models of quantised weights, and range coding with them.

The levels of a matrix are coded as draws from one family of distributions around zero, a discrete normal or a Student
distribution, whose scale depends on the row and the column. Rows, columns, both or neither have scales of their own;
or the matrix has one histogram, whichever makes it smallest. (Weights that were little trained are spread as they were
drawn, evenly, which no such family fits.) Scales are powers of √2, so that a matrix has few distinct distributions.

All probabilities are made by the arithmetic that IEEE 754 rounds exactly (+, ×, ÷ and square root), so that every
machine decodes with the numbers that were encoded with.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.int32]

STUDENT = {1: 2, 2: 4}
"""Families by number: 0 is the normal distribution; these have tails like |k|^(−2m)."""

HISTOGRAM = 3
"""Number of the family whose probabilities are stored."""

BINS = 128
"""Of a histogram; with more levels than that, neighbouring levels share one."""

FLOOR = 2.0**-10
"""Share of a uniform distribution in every model, so that no level is impossible."""

FINEST = 16
"""The scale of a whole matrix is chosen among so many steps per power of two."""

LOWEST, HIGHEST = -4, 30
"""Exponents of the scale's square."""


@dataclass(frozen=True)
class ScaleModel:
    """How the scale of a matrix's levels varies.

    Attributes:
        family: of the distributions, see :data:`STUDENT`.
        base: in 16ths, factor on the inverse of the scale's square, 16 to 31.
        rows: [rows] exponent of each row, or [1] of all.
        columns: [columns] exponent of each column, added to the row's, or [1] of all.
        histogram: of the family :data:`HISTOGRAM`, the shares of its bins, the largest of which is 255.
    """

    family: int
    base: int
    rows: NDArray[np.int8]
    columns: NDArray[np.int8]
    histogram: NDArray[np.uint8] | None = None

    def law(self, exponent: int, largest: int) -> NDArray[np.float64]:
        """Probabilities of the levels −largest … largest where the scale has this exponent."""
        if self.histogram is None:
            return probabilities(self.family, self.base, exponent, largest)
        shares = np.repeat(self.histogram.astype(np.float64), bin_width(largest))[: 2 * largest + 1]
        return with_floor(shares)

    def exponents(self, shape: tuple[int, int]) -> NDArray[np.int8]:
        """[rows, columns] exponents of the scale's square."""
        sums = self.rows.astype(np.int16)[:, None] + self.columns[None, :]
        return np.broadcast_to(sums.clip(LOWEST, HIGHEST).astype(np.int8), shape)


def probabilities(family: int, base: int, exponent: int, largest: int) -> NDArray[np.float64]:
    """Probabilities of the levels −largest … largest.

    >>> probabilities(0, 16, 0, 1).round(3)
    array([0.25, 0.5 , 0.25])
    """
    k = np.arange(largest + 1, dtype=np.float64)
    if family == 0:  # 2^(−base / 16 · 2^−exponent · k²)
        ratio = 0.5
        for _ in range(4):
            ratio = math.sqrt(ratio)
        ratio = math.prod([ratio] * base)
        for _ in range(exponent):
            ratio = math.sqrt(ratio)
        for _ in range(-exponent):
            ratio *= ratio
        half = np.cumprod(np.concatenate([[1.0], ratio * _powers(ratio * ratio, largest)]))
    else:
        inner = 1 + k * k * (base / 16) / (2.0**exponent * STUDENT[family])
        half = 1 / inner
        for _ in range(int(math.log2(STUDENT[family]))):
            half = half * half
    return with_floor(np.concatenate([half[:0:-1], half]))


def with_floor(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities in these proportions, all of them above zero."""
    return np.asarray((1 - FLOOR) * weights / math.fsum(weights) + FLOOR / len(weights))


def bin_width(largest: int) -> int:
    """Neighbouring levels that share a bin of a histogram."""
    return -(-(2 * largest + 1) // BINS)


@lru_cache(4096)
def _costs(family: int, base: int, exponent: int, largest: int) -> NDArray[np.float64]:
    """Bits of each level."""
    return np.asarray(-np.log2(probabilities(family, base, exponent, largest)))


def _powers(factor: float, count: int) -> NDArray[np.float64]:
    """1, factor, factor² and so on."""
    return np.cumprod(np.concatenate([[1.0], np.full(max(count - 1, 0), factor)]))[:count]


def fitted(levels: Levels, kept: NDArray[np.bool_], largest: int) -> tuple[ScaleModel, float]:
    """The model with which a matrix takes the fewest bits, and how many.

    Args:
        levels: [rows, columns, footprint].
        kept: [rows, columns] kernels that are coded at all.
        largest: largest magnitude of a level.
    """
    squares = np.where(kept[..., None], levels.astype(np.float64) ** 2, 0)
    counts = kept * float(levels.shape[2])
    overall = _exponents(squares.sum(keepdims=True)[:, 0, 0], counts.sum(keepdims=True)[0])
    rows = _exponents(squares.sum((1, 2)), counts.sum(1))
    columns = _exponents(squares.sum((0, 2)), counts.sum(0))
    nothing = np.zeros(1, np.int8)
    best, fewest = ScaleModel(0, FINEST, overall, nothing), math.inf
    for one, other in (
        (overall, nothing),
        (rows, nothing),
        (nothing, columns),
        (rows, (columns - overall).astype(np.int8)),
    ):
        shape = ScaleModel(0, FINEST, one, other)
        exponents = shape.exponents(kept.shape)
        histograms = {
            exponent: np.bincount(symbols + largest, minlength=2 * largest + 1)
            for exponent, symbols in by_exponent(levels, kept, exponents)
        }
        side = sum(_index_bits(indices) for indices in (one, other))
        for family in (0, *STUDENT):
            for base in range(FINEST, 2 * FINEST, 3):
                bits = side + sum(
                    float(histogram @ _costs(family, base, exponent, largest))
                    for exponent, histogram in histograms.items()
                )
                if bits < fewest:
                    best, fewest = ScaleModel(family, base, one, other), bits
    counts_of_levels = sum(histograms.values())
    binned = np.add.reduceat(counts_of_levels, np.arange(0, 2 * largest + 1, bin_width(largest)))
    shares = np.ceil(255 * binned / binned.max()).astype(np.uint8)
    stored = ScaleModel(HISTOGRAM, FINEST, nothing, nothing, shares)
    bits = 8 * len(shares) - float(counts_of_levels @ np.log2(stored.law(0, largest)))
    return (stored, bits) if bits < fewest else (best, fewest)


def by_exponent(
    levels: Levels, kept: NDArray[np.bool_], exponents: NDArray[np.int8]
) -> Iterator[tuple[int, Levels]]:
    """The coded levels of each exponent, in the order of the matrix."""
    for exponent in np.unique(exponents[kept]):
        yield int(exponent), levels[kept & (exponents == exponent)].reshape(-1)


def _exponents(squares: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.int8]:
    """Of scales whose distributions have these sums of squares over so many levels."""
    mean = squares / np.maximum(counts, 1)
    found = np.round(np.log2(np.maximum(2 * math.log(2) * mean, 2.0**LOWEST)))
    return np.asarray(found.clip(LOWEST, HIGHEST), np.int8)


def _index_bits(indices: NDArray[np.int8]) -> float:
    """Bits of the exponents of rows or columns themselves."""
    counts = np.unique(indices, return_counts=True)[1]
    share = counts / counts.sum()
    return 16 + (float(-(counts * np.log2(share)).sum()) + 8 * len(counts) if len(indices) > 1 else 0)


def categorical(weights: NDArray[Any]) -> Any:
    """A range coder's model of symbols 0 … with these probabilities or counts."""
    weights = np.asarray(weights, np.float64)
    return constriction.stream.model.Categorical(weights / math.fsum(weights), perfect=False)
