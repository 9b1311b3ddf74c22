"""What many runs say to the paper's findings.

A verdict is about the mean over clips: its interval lies within the values that agree with the finding (*holds*), apart
from them (*does not hold*), or neither (*undecided*). With fewer than :data:`FEWEST` clips it is undecided whatever the
interval: even if all n clips agree, chance alone does that, one way or the other, with a probability of 2 / 2ⁿ, which
is above 0.05 for n < 6.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from xinc_lightning.analyses.shared_embedding import mixing
from xinc_lightning.runs.reader import Run, RunError
from xinc_lightning.studies.bootstrap import Estimate, estimates
from xinc_lightning.studies.findings import FINDINGS, Finding
from xinc_lightning.studies.population import Population
from xinc_lightning.studies.shared_umap import load_neuron_sets, sampled

Verdict = Literal["holds", "does not hold", "undecided"]

FEWEST = 6
"""Clips that a verdict needs."""

NEAREST = 0.05
"""Share of all neurons that are a neuron's nearest, for the mixing of seeds.

With a fixed number, the mixing would depend on how many neurons are sampled: the more there are, the more alike are the
nearest, and the more of them are of the same seed.
"""

MIXED_NEURONS = 500
"""Of each layer of each run, for the mixing of seeds; more are sampled."""


@dataclass(frozen=True)
class Answer:
    """What the runs of one setting say to a finding in one layer.

    Attributes:
        finding: the question.
        setting: of the runs.
        layer: of their networks.
        values: [n] one for each run; of the mixing, one for each clip.
        clips: [n] their clips, by place in the population's.
        estimate: of the mean over clips.
        agreeing: clips whose own value agrees.
        verdict: on the mean over clips.
    """

    finding: Finding
    setting: str
    layer: str
    values: tuple[float, ...]
    clips: tuple[int, ...]
    estimate: Estimate
    agreeing: int
    verdict: Verdict


def verdict_of(estimate: Estimate, least: float, most: float) -> Verdict:
    """Whether an interval lies within (least, most), apart from it, or neither."""
    if estimate.clips < FEWEST or math.isnan(estimate.low):
        return "undecided"
    if least < estimate.low and estimate.high < most:
        return "holds"
    return "does not hold" if estimate.high <= least or estimate.low >= most else "undecided"


def answers(population: Population) -> list[Answer]:
    """Ask every finding of every setting and layer that have what is measured, in the order of :data:`FINDINGS`."""
    found = [one for setting in population.setting_names for one in _answers_of(population, setting)]
    return sorted(found, key=lambda one: FINDINGS.index(one.finding))


def _answers_of(population: Population, setting: str) -> list[Answer]:
    places = population.of(setting)
    architecture = population.runs[places[0]].architecture
    layers = dict.fromkeys(layer for place in places for layer in population.runs[place].layers)
    asked = [
        (finding, finding.measure, layer)
        for finding in FINDINGS
        if finding.measure is not None and finding.architecture in (None, architecture)
        for layer in (layers if finding.layer is None else [finding.layer])
    ]
    snapshots = [population.snapshots[place] for place in places]
    columns = np.array([[measure(s, layer) for _, measure, layer in asked] for s in snapshots])
    found = _answers([(f, layer) for f, _, layer in asked], setting, population.clip_numbers(places), columns)
    shared = next(finding for finding in FINDINGS if finding.measure is None)
    for layer, pairs in seed_mixing(population, setting).items():
        clips, values = zip(*pairs, strict=True)
        found += _answers([(shared, layer)], setting, clips, np.array([values]).T)
    return found


def _answers(
    asked: Sequence[tuple[Finding, str]], setting: str, clips: Sequence[int], columns: np.ndarray
) -> list[Answer]:
    """What measured values [n, asked] say, of which each row belongs to a clip; nothing if none is finite."""
    measured = columns.copy()
    factors = [place for place, (finding, _) in enumerate(asked) if finding.factor]
    measured[:, factors] = np.log(measured[:, factors])
    found = []
    for (finding, layer), estimate, values in zip(asked, estimates(measured, clips), measured.T, strict=True):
        own = [(clip, value) for clip, value in zip(clips, values, strict=True) if math.isfinite(value)]
        if own:
            found.append(_answer(finding, setting, layer, own, estimate))
    return found


def _answer(
    finding: Finding, setting: str, layer: str, own: Sequence[tuple[int, float]], estimate: Estimate
) -> Answer:
    by_clip: dict[int, list[float]] = {}
    for clip, value in own:
        by_clip.setdefault(clip, []).append(value)
    values = [value for _, value in own]
    of_clips = [float(np.mean(seeds)) for seeds in by_clip.values()]
    if finding.factor:
        estimate = _exponential(estimate)
        values, of_clips = [[math.exp(value) for value in logs] for logs in (values, of_clips)]
    agreeing = sum(finding.least < value < finding.most for value in of_clips)
    verdict = verdict_of(estimate, finding.least, finding.most)
    members = tuple(clip for clip, _ in own)
    return Answer(finding, setting, layer, tuple(values), members, estimate, agreeing, verdict)


def _exponential(e: Estimate) -> Estimate:
    """Of logarithms, as an estimate of the geometric mean; the spreads become factors."""
    return replace(
        e,
        mean=math.exp(e.mean),
        low=math.exp(e.low),
        high=math.exp(e.high),
        least=math.exp(e.least),
        most=math.exp(e.most),
        clip_spread=math.exp(e.clip_spread),
        seed_spread=math.exp(e.seed_spread),
    )


def seed_mixing(population: Population, setting: str) -> dict[str, list[tuple[int, float]]]:
    """By layer, for each clip with two seeds or more: how the seeds' neurons mix, see :class:`SharedEmbedding`.

    It is measured on the vectors that ``xinc umap`` embeds, not on their embedding, which distorts distances.
    """
    by_clip: dict[int, list[Run]] = {}
    places = population.of(setting)
    for place, clip in zip(places, population.clip_numbers(places), strict=True):
        by_clip.setdefault(clip, []).append(population.runs[place])
    found: dict[str, list[tuple[int, float]]] = {}
    for clip, runs in by_clip.items():
        for layer, value in _mixing_of(runs).items() if len(runs) > 1 else ():
            found.setdefault(layer, []).append((clip, value))
    return found


def _mixing_of(runs: Sequence[Run]) -> dict[str, float]:
    """By layer; of runs whose vectors are means over the same gabor clusters."""
    try:
        sets = [{one.layer: sampled(one, MIXED_NEURONS) for one in load_neuron_sets(run)} for run in runs]
    except RunError:  # of an analysis that was not asked for
        return {}
    found = {}
    for layer in sets[0]:
        ours = [one[layer] for one in sets if layer in one and len(one[layer].vectors)]
        same = all(np.array_equal(one.cluster_areas, ours[0].cluster_areas) for one in ours)
        if len(ours) == len(runs) and same:
            members = np.repeat(np.arange(len(ours)), [len(one.vectors) for one in ours])
            nearest = max(1, round(NEAREST * len(members)))
            found[layer] = mixing(np.concatenate([one.vectors for one in ours]), members, nearest)
    return found
