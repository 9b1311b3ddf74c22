"""Bjøntegaard deltas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.studies.bjontegaard import psnr_gain, rate_change

RATES = [100.0, 200.0, 400.0, 900.0]
PSNRS = [28.0, 31.0, 33.5, 36.0]


@given(st.floats(-5, 5), st.floats(0.2, 5))
def test_a_shifted_curve_differs_by_its_shift(db, factor):
    raised = (RATES, [psnr + db for psnr in PSNRS])
    assert psnr_gain(raised, (RATES, PSNRS)) == pytest.approx(db, abs=1e-9)
    scaled = ([rate * factor for rate in RATES], PSNRS)
    assert rate_change(scaled, (RATES, PSNRS)) == pytest.approx(factor - 1)


def test_straight_lines_by_hand():
    """Over log-rate 0 … 2: 20 + x against 20 + 2x differ by x, on average by 1."""
    rates = np.exp([0, 1, 2])
    assert psnr_gain((rates, [20, 22, 24]), (rates, [20, 21, 22])) == pytest.approx(1)
    # over PSNR 20 … 22: log-rate (y − 20) / 2 against y − 20 differ by −(y − 20) / 2, on average by −0.5
    assert rate_change((rates, [20, 22, 24]), (rates, [20, 21, 22])) == pytest.approx(math.exp(-0.5) - 1)


def test_only_what_both_cover_counts_and_order_does_not():
    one = ([4.0, 1.0, 2.0], [26.0, 20.0, 23.0])
    other = ([64.0, 2.0, 4.0], [37.0, 22.0, 25.0])
    # rates 2 … 4, where the first is 1 dB better
    assert psnr_gain(one, other) == pytest.approx(1)


def test_curves_without_a_common_range_have_none():
    assert math.isnan(psnr_gain(([1, 2], [20, 21]), ([3, 4], [20, 21])))
    assert math.isnan(rate_change(([1, 2], [20, 21]), ([1, 2], [30, 31])))
    assert math.isnan(rate_change(([1, 2], [20, 20]), ([1, 2], [20, 20])))
