"""Ranks of binned values in a compiled loop: on the CPU a sixth of the time of torch's histograms."""

# mypy: ignore-errors
# The arguments are numba's, which mypy does not know.

import numpy as np

from xinc_lightning.canvas.compiled_cache import forgive_damaged_files
from xinc_lightning.canvas.kernels import jit

forgive_damaged_files()


@jit
def rank_rows(bins, kinds):
    """Ranks along each row, equal values sharing the mean of theirs: [rows, values] of numbers below ``kinds``."""
    ranks = np.empty(bins.shape, np.float32)
    counts = np.zeros(kinds, np.int64)
    for row in range(len(bins)):
        values = bins[row]
        low, high = values.min(), values.max()
        for i in range(len(values)):
            counts[values[i]] += 1
        before = 0
        for kind in range(low, high + 1):
            count = counts[kind]
            counts[kind] = 2 * before + count - 1  # twice the mean rank
            before += count
        for i in range(len(values)):
            ranks[row, i] = np.float32(0.5) * np.float32(counts[values[i]])
        counts[low : high + 1] = 0
    return ranks
