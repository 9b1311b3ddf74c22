"""Means over clips with intervals: clips are drawn with replacement, and within each clip its seeds.

The unit is the clip. Two seeds of one clip are no two observations of what holds for clips, so a clip counts once,
with the mean of its seeds, however many it has. scipy's ``bootstrap`` knows one level only; this one is our own.

Percentile intervals of few clips are too narrow. Their tails are therefore those of Student's t, and the factor
n / (n − 1) that the plug-in variance lacks is made up for: the *expanded percentile interval* of T. Hesterberg, *What
Teachers Should Know About the Bootstrap*, The American Statistician 69(4), 2015. Drawing seeds as well makes the
interval rather too wide than too narrow (A. Davison and D. Hinkley, *Bootstrap Methods and their Application*, 1997,
3.8).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
"""Of the intervals."""

RESAMPLES, ENOUGH, MANY = 10_000, 2_000, 50
"""Resamples; of many clips, whose tails are not as far out, fewer are enough."""

SEED = 0
"""Of the draws: the same runs give the same intervals."""

LARGEST = 1e100
"""Values beyond count as not finite: their squares overflow."""

MOST_WEIGHTS = 1 << 23
"""Numbers of a block of weights; 64 MiB."""


@dataclass(frozen=True)
class Estimate:
    """Mean over clips of the mean over each clip's seeds, and how far it can be trusted.

    Attributes:
        mean: the estimate; NaN if there is no clip.
        low: lower end of the interval; NaN of fewer than two clips.
        high: upper end.
        least: of the clips' values.
        most: of the clips' values.
        clip_spread: standard deviation of the clips' values; NaN of a single clip.
        seed_spread: standard deviation between the seeds of a clip, over all clips; NaN if none has two.
        clips: how many have a value.
        runs: how many have one.
    """

    mean: float
    low: float
    high: float
    least: float
    most: float
    clip_spread: float
    seed_spread: float
    clips: int
    runs: int


NAN = math.nan
NOTHING = Estimate(NAN, NAN, NAN, NAN, NAN, NAN, NAN, clips=0, runs=0)
"""Of no run."""


def estimates(
    values: np.ndarray, clips: Sequence[int], sides: Sequence[int] | None = None, level: float = LEVEL
) -> list[Estimate]:
    """An estimate of each column, without the runs in which it is not finite.

    >>> one = estimates(np.array([[1.0], [3.0], [5.0], [7.0]]), [0, 0, 1, 2])[0]
    >>> round(one.mean, 2), one.clips, one.runs
    (4.67, 3, 4)

    Args:
        values: [runs, quantities].
        clips: [runs] each run's clip.
        sides: [runs] 1 or −1, for the mean over clips of the difference between the two sides' seed means; a clip
            without a run on both sides is left out. By default all are 1.
        level: of the interval.
    """
    clip, side = np.asarray(clips), np.ones(len(values), int) if sides is None else np.asarray(sides)
    found: list[Estimate] = [NOTHING] * values.shape[1]
    finite = np.abs(values) < LARGEST
    patterns, which = np.unique(finite, axis=1, return_inverse=True)
    for number, usable in enumerate(patterns.T):
        columns = np.flatnonzero(which.ravel() == number)
        kept = usable & np.isin(clip, _on_all_sides(clip[usable], side[usable], len(np.unique(side))))
        if kept.any():
            made = _estimates(values[np.ix_(kept, columns)], clip[kept], side[kept], level)
            for column, one in zip(columns, made, strict=True):
                found[column] = one
    return found


def two_level_weights(
    clips: np.ndarray, sides: np.ndarray, resamples: int, random: np.random.Generator
) -> np.ndarray:
    """[resamples, runs] Weight of each run in the mean of each resample, with the sign of its side.

    Of n clips n are drawn with replacement; every time that a clip is drawn, as many of its runs as it has are drawn
    with replacement, of each side apart.
    """
    names, clip = np.unique(clips, return_inverse=True)
    drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    weights = np.empty((resamples, len(clips)))
    for name in range(len(names)):
        for side in np.unique(sides):
            members = np.flatnonzero((clip == name) & (sides == side))
            size = len(members)
            if size:
                counts = random.multinomial(drawn[:, name] * size, np.full(size, 1 / size))
                weights[:, members] = side * counts / (len(names) * size)
    return weights


def expanded_tail(clips: int, level: float = LEVEL) -> float:
    """Share of the resamples beyond each end of an interval: that of Student's t, with n / (n − 1) made up for.

    >>> round(expanded_tail(1000), 3), round(expanded_tail(6), 4)
    (0.025, 0.0024)
    """
    from scipy.stats import norm, t

    return float(norm.cdf(-math.sqrt(clips / (clips - 1)) * t.ppf((1 + level) / 2, clips - 1)))


def _estimates(values: np.ndarray, clips: np.ndarray, sides: np.ndarray, level: float) -> list[Estimate]:
    names, clip = np.unique(clips, return_inverse=True)
    cells, cell = np.unique(np.stack([clip, sides]), axis=1, return_inverse=True)
    cell = cell.ravel()
    sizes = np.bincount(cell)
    means = _sums(values, cell, len(sizes)) / sizes[:, None]
    of_clips = _sums(means * cells[1][:, None], cells[0], len(names))
    within = ((values - means[cell]) ** 2).sum(0)
    freedom = len(values) - len(sizes)
    low = high = clip_spread = seed_spread = np.full(values.shape[1], math.nan)
    if len(names) > 1:
        tail = expanded_tail(len(names), level)
        resampled = np.concatenate([*_resampled_means(values, clips, sides)])
        low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
        clip_spread = of_clips.std(0, ddof=1)
    if freedom:
        seed_spread = np.sqrt(within / freedom)
    return [
        Estimate(
            mean=float(of_clips[:, column].mean()),
            low=float(low[column]),
            high=float(high[column]),
            least=float(of_clips[:, column].min()),
            most=float(of_clips[:, column].max()),
            clip_spread=float(clip_spread[column]),
            seed_spread=float(seed_spread[column]),
            clips=len(names),
            runs=len(values),
        )
        for column in range(values.shape[1])
    ]


def _resampled_means(values: np.ndarray, clips: np.ndarray, sides: np.ndarray) -> Iterator[np.ndarray]:
    """[resamples, quantities] in blocks, so that the weights of thousands of runs fit into memory."""
    random = np.random.default_rng(SEED)
    resamples = RESAMPLES if len(np.unique(clips)) < MANY else ENOUGH
    block = max(1, MOST_WEIGHTS // len(values))
    for start in range(0, resamples, block):
        yield two_level_weights(clips, sides, min(block, resamples - start), random) @ values


def _sums(values: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, groups, values)
    return sums


def _on_all_sides(clips: np.ndarray, sides: np.ndarray, count: int) -> np.ndarray:
    """Clips that have a run on each of ``count`` sides."""
    pairs = np.unique(np.stack([clips, sides]), axis=1)[0]
    names, found = np.unique(pairs, return_counts=True)
    complete: np.ndarray = names[found == count]
    return complete
