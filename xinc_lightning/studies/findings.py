"""The paper's findings as questions to many runs, each with the values that would agree, stated before the answer.

A verdict is about the mean over clips: its interval lies within the values that agree with the finding (*holds*), apart
from them (*does not hold*), or neither (*undecided*). With fewer than :data:`FEWEST` clips it is undecided whatever the
interval: even if all n clips agree, chance alone does that, one way or the other, with a probability of 2 / 2ⁿ, which
is above 0.05 for n < 6.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from xinc_lightning.analyses.shared_embedding import mixing
from xinc_lightning.runs.reader import Run, RunError, Snapshot
from xinc_lightning.studies.bootstrap import Estimate, estimates
from xinc_lightning.studies.population import Population
from xinc_lightning.studies.shared_umap import load_neuron_sets, sampled

Verdict = Literal["holds", "does not hold", "undecided"]

Measure = Callable[[Snapshot, str], float]
"""A number of a layer at a snapshot; NaN if there is none."""

FEWEST = 6
"""Clips that a verdict needs."""

CONTENT = ("instances", "rgb", "gabor")
"""Partitions that neurons favour over space, according to the paper."""

NEAREST = 0.05
"""Share of all neurons that are a neuron's nearest, for the mixing of seeds.

With a fixed number, the mixing would depend on how many neurons are sampled: the more there are, the more alike are the
nearest, and the more of them are of the same seed.
"""

MIXED_NEURONS = 500
"""Of each layer of each run, for the mixing of seeds; more are sampled."""


@dataclass(frozen=True)
class Finding:
    """A statement about layers, and what would agree with it.

    Attributes:
        name: short.
        claim: what is said to hold, in a sentence.
        section: of the paper; empty if the statement is ours.
        quantity: what is measured.
        axis: its unit, for figures.
        measure: measures it; None for the mixing of seeds, which is of several runs.
        least: values that agree are above.
        most: values that agree are below.
        architecture: of the networks that it is about; None for all.
        layer: that it is about; None for all.
        factor: whether the quantity is a ratio, whose mean over clips is the geometric one.
    """

    name: str
    claim: str
    section: str
    quantity: str
    axis: str
    measure: Measure | None
    least: float = -math.inf
    most: float = math.inf
    architecture: str | None = None
    layer: str | None = None
    factor: bool = False

    @property
    def agreeing_values(self) -> str:
        """In words.

        >>> Finding("", "", "", "", "", None, least=0.4, most=0.6).agreeing_values
        '0.4 to 0.6'
        """
        if math.isinf(self.most):
            return f"> {self.least:g}"
        return f"< {self.most:g}" if math.isinf(self.least) else f"{self.least:g} to {self.most:g}"


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


def verdict_of(estimate: Estimate, least: float, most: float, fewest: int = FEWEST) -> Verdict:
    """Whether an interval lies within (least, most), apart from it, or neither."""
    if estimate.clips < fewest or math.isnan(estimate.low):
        return "undecided"
    if least < estimate.low and estimate.high < most:
        return "holds"
    return "does not hold" if estimate.high <= least or estimate.low >= most else "undecided"


def answers(population: Population) -> list[Answer]:
    """Ask every finding of every setting and layer that have what is measured, in the order of :data:`FINDINGS`."""
    mixed = {setting: seed_mixing(population, setting) for setting in population.setting_names}
    found = []
    for finding in FINDINGS:
        for setting in population.setting_names:
            places = population.of(setting)
            first = population.runs[places[0]]
            if finding.architecture not in (None, first.architecture):
                continue
            layers = dict.fromkeys(layer for place in places for layer in population.runs[place].layers)
            for layer in layers if finding.layer is None else [finding.layer]:
                if finding.measure is None:
                    pairs = mixed[setting].get(layer, [])
                else:
                    snapshots = [population.snapshots[place] for place in places]
                    measured = [finding.measure(snapshot, layer) for snapshot in snapshots]
                    pairs = [*zip(population.clip_numbers(places), measured, strict=True)]
                pairs = [(clip, value) for clip, value in pairs if math.isfinite(value)]
                if pairs:
                    found.append(answer(finding, setting, layer, *zip(*pairs, strict=True)))
    return found


def answer(
    finding: Finding, setting: str, layer: str, clips: Sequence[int], values: Sequence[float]
) -> Answer:
    """The answer that values give, of which each belongs to a clip."""
    measured = np.log(values) if finding.factor else np.asarray(values, float)
    estimate = estimates(measured[:, None], clips)[0]
    of_clips = [measured[np.asarray(clips) == clip].mean() for clip in dict.fromkeys(clips)]
    if finding.factor:
        estimate = _exponential(estimate)
        of_clips = [math.exp(value) for value in of_clips]
    agreeing = sum(finding.least < value < finding.most for value in of_clips)
    verdict = verdict_of(estimate, finding.least, finding.most)
    return Answer(finding, setting, layer, tuple(values), tuple(clips), estimate, agreeing, verdict)


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


def _scalar(name: str) -> Measure:
    """A logged scalar, as ``analysis/name``."""
    analysis, _, quantity = name.partition("/")
    return lambda snapshot, layer: snapshot.scalars.get(f"{analysis}/{layer}/{quantity}", math.nan)


def _ratio(above: Sequence[str], below: str) -> Measure:
    """The least of some partitions' median variances, relative to another's."""

    def measure(snapshot: Snapshot, layer: str) -> float:
        medians = [_scalar(f"variance/{name}_median")(snapshot, layer) for name in above]
        known = [value for value in medians if math.isfinite(value)]
        other = _scalar(f"variance/{below}_median")(snapshot, layer)
        return min(known) / other if known and min(known) > 0 and other > 0 else math.nan

    return measure


def _lead_of_the_last(name: str) -> Measure:
    """A scalar of the last layer, less the largest of the others'."""

    def measure(snapshot: Snapshot, layer: str) -> float:
        if len(snapshot.network) < 2 or layer != snapshot.network[-1]:
            return math.nan
        return _scalar(name)(snapshot, layer) - max(
            _scalar(name)(snapshot, other) for other in snapshot.network[:-1]
        )

    return measure


FINDINGS = (
    *(
        Finding(
            f"{what} above their null",
            f"Contributions differ more between {what} than between the same shapes shifted elsewhere.",
            "4.2",
            f"distance of the layer's median variance over {what} from that under shifts, in the shifts' standard "
            "deviations",
            "standard deviations of shifts",
            _scalar(f"variance/{partition}_effect"),
            least=0,
        )
        for partition, what in zip(CONTENT, ("objects", "colours", "textures"), strict=True)
    ),
    Finding(
        "content above the lattice",
        "Variance over objects, colours and textures is above that over grid cells, as the released code forms them: "
        "a lattice.",
        "4.2",
        "least of the medians over objects (where there are masks), colours and textures ÷ median over the lattice",
        "ratio",
        _ratio(CONTENT, "lattice"),
        least=1,
        factor=True,
    ),
    Finding(
        "content above the grid",
        "Variance over objects, colours and textures is above that over grid cells, as the paper describes them: "
        "rectangles.",
        "4.2",
        "least of the medians over objects (where there are masks), colours and textures ÷ median over rectangles",
        "ratio",
        _ratio(CONTENT, "grid"),
        least=1,
        factor=True,
    ),
    Finding(
        "grid above the lattice",
        "Variance over rectangles is above that over the lattice: low variances of grid cells are due to the lattice.",
        "",
        "median over rectangles ÷ median over the lattice",
        "ratio",
        _ratio(["grid"], "lattice"),
        least=1,
        factor=True,
    ),
    Finding(
        "space-agnostic",
        "Contributions are not tied to places: rectangles are less than one standard deviation above their shifts.",
        "4.2",
        "distance of the layer's median variance over rectangles from that under shifts, in the shifts' standard "
        "deviations",
        "standard deviations of shifts",
        _scalar("variance/grid_effect"),
        most=1,
    ),
    Finding(
        "intensity",
        "Contributions are larger where the picture is brighter.",
        "4.3",
        "Pearson's r of Σ|c| and intensity over pixels",
        "Pearson's r",
        _scalar("intensity/intensity_correlation"),
        least=0,
    ),
    Finding(
        "layer 3 is intensity",
        "The contributions of FFN's layer 3 are largely consistent with intensity: r above 0.9.",
        "4.3",
        "Pearson's r of Σ|c| and intensity over pixels",
        "Pearson's r",
        _scalar("intensity/intensity_correlation"),
        least=0.9,
        architecture="FFN",
        layer="layer3",
    ),
    Finding(
        "edges",
        "Contributions are larger at edges.",
        "4.3",
        "Pearson's r of Σ|c| and the Sobel filter's response over pixels",
        "Pearson's r",
        _scalar("intensity/edge_correlation"),
        least=0,
    ),
    Finding(
        "last layer has most pixels",
        "Neurons of the last layer contribute at more pixels than those of the layers before.",
        "4.4",
        "median share of pixels of a neuron in the last layer, less the largest of the other layers'",
        "difference of shares of the pixels",
        _lead_of_the_last("pixels_per_neuron/median_share"),
        least=0,
    ),
    Finding(
        "half of layer 2 has no contribution",
        "About half, 40 to 60 %, of the neurons of FFN's layer 2 have no contribution.",
        "4.4",
        "share of the neurons with Σ|c| = 0",
        "share of the neurons",
        _scalar("maps/no_contribution"),
        *(0.4, 0.6, "FFN", "layer2"),
    ),
    Finding(
        "half of layer 2 is dead",
        "About half, 40 to 60 %, of the neurons of FFN's layer 2 could be taken out without effect.",
        "4.4",
        "share of inactive neurons",
        "share of the neurons",
        _scalar("maps/inactive"),
        *(0.4, 0.6, "FFN", "layer2"),
    ),
    Finding(
        "motion, ranks",
        "Contributions change more where things move faster.",
        "4.5",
        "Spearman's rank correlation of fluctuation and optical flow over pixels",
        "Spearman's ρ",
        _scalar("flow_vs_fluctuation/spearman"),
        least=0,
    ),
    Finding(
        "motion, moving pixels",
        "Contributions change more at moving pixels than at others.",
        "4.5",
        "area under the ROC curve of fluctuation as a detector of moving pixels",
        "area under the ROC curve",
        _scalar("flow_vs_fluctuation/auc"),
        least=0.5,
    ),
    Finding(
        "kinds of neurons shared by seeds",
        "Networks of different seeds have the same kinds of neurons: other seeds are at least half as common among a "
        "neuron's nearest 5 % as by chance.",
        "4.6",
        "mixing of the seeds' neurons, 1 if they cannot be told apart, 0 if none is like another's",
        "mixing",
        None,
        least=0.5,
    ),
)
"""Asked of every summary. The thresholds are ours where the paper has a word and no number."""
