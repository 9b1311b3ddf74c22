"""Bjøntegaard deltas: what one rate-quality curve is worth against another.

G. Bjøntegaard, *Calculation of average PSNR differences between RD-curves*, VCEG-M33, 2001, with piecewise cubic
interpolation (PCHIP) over log-rate, as later JCT-VC documents have it, which does not overshoot.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

Curve = tuple[Sequence[float], Sequence[float]]
"""Rates (bytes, or anything proportional) and PSNRs."""


def psnr_gain(curve: Curve, reference: Curve) -> float:
    """Mean difference of PSNR in dB at equal rate, over the rates that both curves cover; NaN if there are none.

    >>> psnr_gain(([1, 2, 4], [21, 26, 31]), ([1, 2, 4], [20, 25, 30]))
    1.0
    """
    return _mean_difference(*([(np.log(rate), np.asarray(psnr)) for rate, psnr in (curve, reference)]))


def rate_change(curve: Curve, reference: Curve) -> float:
    """Mean change of rate at equal PSNR, −0.1 for a tenth less, over the PSNRs that both cover; NaN if none.

    >>> round(rate_change(([1, 2, 4], [20, 25, 30]), ([2, 4, 8], [20, 25, 30])), 6)
    -0.5
    """
    pairs = [(np.asarray(psnr), np.log(rate)) for rate, psnr in (curve, reference)]
    return math.expm1(_mean_difference(*pairs))


def _mean_difference(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    """Mean of y − y' over the interval of x that both cover; points that do not rise in x are left out."""
    curves = [_rising(np.asarray(x, float), np.asarray(y, float)) for x, y in (one, other)]
    low, high = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    if low >= high:
        return math.nan
    areas = [float(PchipInterpolator(x, y).integrate(low, high)) for x, y in curves]
    return float((areas[0] - areas[1]) / (high - low))


def _rising(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    first = np.concatenate([[True], np.diff(x) > 0])
    return x[first], y[first]
