import subprocess
import sys

import numpy as np

from xinc_lightning.canvas import kernels


def test_logarithm():
    x = np.exp(np.linspace(-87, 88, 5000)).astype(np.float32)
    x = np.concatenate([x, np.linspace(0.5, 2, 5000, dtype=np.float32)])
    found = np.array([kernels.log(value) for value in x])
    expected = np.log(x.astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=6e-8)


def test_packed_counters_do_not_overflow():
    # More equal values in one row than one emptying allows would mix counts and low bits.
    value = np.float32(1) + np.float32(2) ** -10  # all low bits but few
    lanes, width = 64, 4096
    row = np.full((width, lanes), value, np.float32)
    packed, counts, lows = (np.zeros(1 << 16, np.int64) for _ in range(3))
    rounds = kernels.COUNT_LIMIT // row.size
    for _ in range(rounds):
        kernels.count_bins(row, packed, lanes)
    kernels.empty_bins(packed, counts, lows)
    bits = int(value.view(np.int32))
    expected = rounds * row.size
    assert counts[bits >> kernels.LOW_BITS] == counts.sum() == expected
    assert lows.sum() == expected * (bits & kernels.LOW_MASK)
    assert not packed.any()


def test_kernels_work_without_a_writable_cache():
    script = """
import numba.core.caching as caching
caching.CacheImpl._locator_classes = []
import numpy as np
from xinc_lightning.canvas import kernels
assert abs(kernels.log(np.float32(2)) - np.log(2)) < 1e-6
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
