"""Two-level bootstrap, against exact distributions, a formula of its variance, scipy, and simulated clips."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import bootstrap

from xinc_lightning.studies import bootstrap as two_level
from xinc_lightning.studies.bootstrap import estimates, expanded_tail, two_level_weights


def ones(n):
    return np.ones(n, int)


def test_a_clip_counts_once_however_many_seeds_it_has():
    (one,) = estimates(np.array([[1.0], [3.0], [8.0]]), [0, 0, 1])
    assert one.mean == 5, "(2 + 8) / 2, not (1 + 3 + 8) / 3"
    assert (one.least, one.most, one.clips, one.runs) == (2, 8, 2, 3)
    assert one.clip_spread == pytest.approx(math.sqrt(18))
    assert one.seed_spread == pytest.approx(math.sqrt(2)), "of 1 and 3; the other clip has one seed"


def test_one_clip_has_no_interval_whatever_its_seeds():
    (one,) = estimates(np.arange(5.0)[:, None], [7] * 5)
    assert one.mean == 2
    assert math.isnan(one.low)
    assert math.isnan(one.clip_spread)


def test_resamples_are_distributed_as_all_that_there_can_be():
    """Two clips, one with two seeds: all 2² draws of clips, and of seeds within, enumerated."""
    values = np.array([0.0, 4.0, 10.0])
    first = {0.0: 0.25, 2.0: 0.5, 4.0: 0.25}
    exact: dict[float, float] = {}
    for one, other in product([*first, 10.0], repeat=2):
        chance = 0.25 * first.get(one, 1.0) * first.get(other, 1.0)
        exact[(one + other) / 2] = exact.get((one + other) / 2, 0) + chance
    weights = two_level_weights(np.array([0, 0, 1]), ones(3), 40_000, np.random.default_rng(0))
    assert weights.sum(1) == pytest.approx(1)
    found = weights @ values
    for value, chance in exact.items():
        assert np.isclose(found, value).mean() == pytest.approx(chance, abs=0.01)


def test_variance_is_that_of_the_formula():
    """Of independent draws of a clip's mean: between clips, and within over the seeds of each."""
    random = np.random.default_rng(1)
    clips = np.repeat(np.arange(5), [2, 3, 1, 4, 2])
    values = random.normal(size=12) + clips
    own = [values[clips == clip] for clip in range(5)]
    between = np.var([one.mean() for one in own])
    within = np.mean([one.var() / len(one) for one in own])
    resampled = two_level_weights(clips, ones(12), 40_000, random) @ values
    assert resampled.var() == pytest.approx((between + within) / 5, rel=0.03)


def test_with_one_seed_it_is_scipy_s_bootstrap_with_wider_tails():
    values = np.random.default_rng(2).exponential(size=15)
    (ours,) = estimates(values[:, None], range(15))
    level = 1 - 2 * expanded_tail(15)
    theirs = bootstrap((values,), np.mean, confidence_level=level, method="percentile", rng=0)
    interval = theirs.confidence_interval
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), abs=0.05)
    assert level > 0.97


def test_difference_is_of_the_clips_that_both_sides_have():
    values = np.array([[5.0], [7.0], [1.0], [9.0], [4.0], [100.0]])
    clips, sides = [0, 0, 0, 1, 1, 2], [1, 1, -1, 1, -1, 1]
    (one,) = estimates(values, clips, sides)
    assert one.mean == 5, "(6 − 1 + 9 − 4) / 2, without the clip of one side"
    assert (one.clips, one.runs) == (2, 5)


def test_pairing_takes_out_what_clips_have_in_common():
    random = np.random.default_rng(3)
    clip = 100 * random.normal(size=8)
    values = np.concatenate([clip + 1 + 0.1 * random.normal(size=8), clip])[:, None]
    (paired,) = estimates(values, [*range(8)] * 2, [1] * 8 + [-1] * 8)
    assert 0.8 < paired.low < 1 < paired.high < 1.2


def test_runs_without_a_value_are_left_out_of_that_quantity_only():
    values = np.array([[1.0, math.nan, math.nan], [2.0, 4.0, math.nan], [3.0, 6.0, 1e300]])
    first, second, third = estimates(values, [0, 1, 2])
    assert (first.mean, first.clips) == (2, 3)
    assert (second.mean, second.clips) == (5, 2)
    assert (math.isnan(third.mean), third.clips) == (True, 0)


def test_thousands_of_runs_are_resampled_in_blocks(monkeypatch):
    values = np.random.default_rng(4).normal(size=(60, 1))
    (whole,) = estimates(values, range(60))
    monkeypatch.setattr(two_level, "MOST_WEIGHTS", 60 * 100)
    (blocks,) = estimates(values, range(60))
    assert (blocks.low, blocks.high) == pytest.approx((whole.low, whole.high), abs=0.05)


def test_intervals_of_six_clips_cover_their_mean(monkeypatch):
    """Of 300 simulated quantities; plain percentiles would miss three times as many as they say."""
    monkeypatch.setattr(two_level, "RESAMPLES", 4000)
    random = np.random.default_rng(5)
    clip = np.repeat(random.normal(size=(6, 300)), 2, axis=0)
    values = clip + 0.5 * random.normal(size=(12, 300))

    def coverage():
        made = estimates(values, np.repeat(range(6), 2))
        return np.mean([one.low <= 0 <= one.high for one in made])

    assert coverage() == pytest.approx(0.95, abs=0.04)
    monkeypatch.setattr(two_level, "expanded_tail", lambda clips, level: (1 - level) / 2)
    assert coverage() < 0.9
