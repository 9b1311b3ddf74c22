"""The paper's findings as questions to many runs, each with the values that would agree, stated before the answer."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xinc_lightning.runs.reader import Snapshot

Measure = Callable[[Snapshot, str], float]
"""A number of a layer at a snapshot; NaN if there is none."""

CONTENT = ("instances", "rgb", "gabor")
"""Partitions that neurons favour over space, according to the paper."""


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
