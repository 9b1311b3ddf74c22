"""Do neurons care about objects, colours, textures or places? Variance over groups of pixels (§4.2, Eq. 2).

The paper compares the variances of several partitions with each other; but pictures are smooth, so that any
large connected cluster, wherever it lies, gathers contributions unevenly. :func:`shift_null` therefore shifts
each partition's labels around the frame. Clusters keep their shapes and sizes and lose their tie to the picture:
what the real partition has beyond that is due to the picture's content.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xinc_lightning.analyses.result import Result
from xinc_lightning.canvas import FrameCanvas, FrameStatistics

Convention = Literal["paper", "released"]

SIGNED_AS_RELEASED = ("grid", "lattice")
"""Partitions of which the released code takes δ as it is; of the others it takes |δ|."""

ROUNDING = 1e-5
"""Standard deviations of δ closer than this are equal: the sums are float32."""


@dataclass(frozen=True)
class ShiftNull:
    """Scores of some neurons when partitions are shifted around the frame.

    Attributes:
        neurons: [sampled] indices of the neurons.
        shifts: [shifts, 2] rows and columns of each shift.
        scores: by partition, [shifts, sampled] variance (or standard deviation) of δ.
    """

    neurons: Int[np.ndarray, " sampled"]
    shifts: Int[np.ndarray, "shifts 2"]
    scores: Mapping[str, Float[np.ndarray, "shifts sampled"]]


@dataclass(frozen=True)
class GroupingVarianceResult(Result):
    """How unevenly a layer's neurons contribute to the clusters of each partition.

    Attributes:
        neurons: [neurons] their indices.
        dead: [neurons] whether a neuron contributes nothing at all.
        scores: by partition, [neurons] variance (or standard deviation) of δ over its clusters; NaN if dead.
        std: whether scores are standard deviations.
        null: the same under shifts, for some of the neurons.
    """

    analysis = "variance"
    neurons: Int[np.ndarray, " neurons"]
    dead: Bool[np.ndarray, " neurons"]
    scores: Mapping[str, Float[np.ndarray, " neurons"]]
    std: bool = False
    null: ShiftNull | None = None

    @property
    def tested(self) -> tuple[str, ...]:
        """Partitions that were compared with their shifts."""
        return tuple(self.null.scores) if self.null else ()

    def sampled(self, partition: str) -> Float[np.ndarray, " sampled"]:
        """Scores of those neurons that were compared with shifts."""
        assert self.null is not None
        return self.scores[partition][np.searchsorted(self.neurons, self.null.neurons)]

    def ranks(self, partition: str) -> Float[np.ndarray, " sampled"]:
        """Share of the shifts that each neuron's score exceeds; ties count half."""
        return self._against_null(partition)[0]

    def effects(self, partition: str) -> Float[np.ndarray, " sampled"]:
        """Distance of each neuron's score from the shifts' mean, in their standard deviations."""
        return self._against_null(partition)[1]

    def layer_rank(self, partition: str) -> float:
        """Share of the shifts whose median over the neurons the real partition's exceeds."""
        return float(self._medians_against_null(partition)[0][0])

    def layer_effect(self, partition: str) -> float:
        """Distance of the neurons' median from its mean under shifts, in its standard deviations."""
        return float(self._medians_against_null(partition)[1][0])

    def scalars(self) -> dict[str, float]:
        """Quartiles of each partition's scores, and where the layer stands in the null; none if all are dead."""
        scalars: dict[str, float] = {}
        if self.dead.all():
            return scalars
        for name, scores in self.scores.items():
            low, median, high = np.quantile(scores[~self.dead], (0.25, 0.5, 0.75))
            scalars |= {f"{name}_q25": low, f"{name}_median": median, f"{name}_q75": high}
        for name in self.tested:
            assert self.null is not None
            scalars |= {
                f"{name}_null_median": float(np.median(self.null.scores[name])),
                f"{name}_rank": self.layer_rank(name),
                f"{name}_effect": self.layer_effect(name),
                f"{name}_above_null": float((self.ranks(name) == 1).mean()),
            }
        return scalars

    def arrays(self) -> dict[str, np.ndarray]:
        """What is needed to draw the figure again."""
        arrays = {
            "layer": np.array(self.layer),
            "neurons": self.neurons,
            "dead": self.dead,
            "std": np.array(self.std),
        }
        arrays |= {f"scores_{name}": scores for name, scores in self.scores.items()}
        if self.null:
            arrays |= {"null_neurons": self.null.neurons, "null_shifts": self.null.shifts}
        for name in self.tested:
            assert self.null is not None
            arrays |= {
                f"null_{name}": self.null.scores[name],
                f"rank_{name}": self.ranks(name),
                f"effect_{name}": self.effects(name),
            }
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "GroupingVarianceResult":
        """The result that was saved."""

        def by_partition(prefix: str) -> dict[str, np.ndarray]:
            return {name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)}

        null = None
        if "null_neurons" in arrays:
            scores = by_partition("null_")
            null = ShiftNull(scores.pop("neurons"), scores.pop("shifts"), scores)
        return cls(
            arrays["layer"].item(),
            arrays["neurons"],
            arrays["dead"],
            by_partition("scores_"),
            arrays["std"].item(),
            null,
        )

    def _against_null(
        self, partition: str
    ) -> tuple[Float[np.ndarray, " sampled"], Float[np.ndarray, " sampled"]]:
        assert self.null is not None
        return self._compare(self.sampled(partition), self.null.scores[partition])

    def _medians_against_null(self, partition: str) -> tuple[np.ndarray, np.ndarray]:
        assert self.null is not None
        real = np.median(self.sampled(partition), keepdims=True)
        return self._compare(real, np.median(self.null.scores[partition], axis=1, keepdims=True))

    def _compare(
        self, real: Float[np.ndarray, " n"], null: Float[np.ndarray, "shifts n"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Rank and effect size of each column."""
        equal = ROUNDING if self.std else ROUNDING**2
        rank = (null < real - equal).mean(0) + 0.5 * (np.abs(null - real) <= equal).mean(0)
        spread = null.std(0, ddof=1)
        varied = spread > equal
        return rank, np.where(varied, real - null.mean(0), 0) / np.where(varied, spread, 1)


def contribution_deltas(
    cluster_sums: Float[Tensor, "neurons clusters"], areas: Int[Tensor, " clusters"]
) -> Float[Tensor, "neurons occupied"]:
    """δ = (expected − actual) / expected for each cluster that has pixels (Eq. 2).

    Expected is the cluster's share of the area times the neuron's Σ|c|; NaN for a dead neuron.

    >>> contribution_deltas(torch.tensor([[3.0, 1.0, 0.0]]), torch.tensor([2, 2, 0]))
    tensor([[-0.5000,  0.5000]])

    Args:
        cluster_sums: Σ|c| in each cluster.
        areas: pixels of each cluster.
    """
    occupied = areas > 0
    expected = cluster_sums.sum(1, keepdim=True) * areas[occupied] / areas.sum()
    return (expected - cluster_sums[:, occupied]) / expected


def variance_scores(
    cluster_sums: Float[Tensor, "neurons clusters"],
    areas: Int[Tensor, " clusters"],
    std: bool = False,
    absolute: bool = False,
) -> Float[np.ndarray, " neurons"]:
    """Unbiased variance of δ over the clusters, for each neuron.

    Args:
        cluster_sums: Σ|c| in each cluster.
        areas: pixels of each cluster.
        std: the standard deviation instead.
        absolute: of |δ| instead.
    """
    deltas = contribution_deltas(cluster_sums, areas)
    deltas = deltas.abs() if absolute else deltas
    scores = deltas.std(1) if std else deltas.var(1)
    return scores.cpu().numpy()


def grouping_variance(
    statistics: FrameStatistics,
    partitions: Mapping[str, str] | None = None,
    std: bool = False,
    convention: Convention = "paper",
    null: ShiftNull | None = None,
) -> GroupingVarianceResult:
    """Score every neuron of a layer for every partition; partitions with one cluster only are left out.

    Args:
        statistics: the layer's reductions at one frame.
        partitions: names of partitions, and what each is called in the statistics; all by default.
        std: standard deviations instead of variances.
        convention: ``paper`` for δ with its sign, ``released`` for |δ| but for grid and lattice, as the released
            code has it.
        null: the scores under shifts, with the same options.
    """
    if partitions is None:
        partitions = {name: name for name in statistics.cluster_sums}
    scores = {}
    for name, key in partitions.items():
        areas = statistics.cluster_areas[key]
        if int((areas > 0).sum()) > 1:
            sums = statistics.cluster_sums[key]
            scores[name] = variance_scores(sums, areas, std, _is_absolute(name, convention))
    return GroupingVarianceResult(
        layer=statistics.layer,
        neurons=statistics.neurons.cpu().numpy(),
        dead=(statistics.absolute_sum == 0).cpu().numpy(),
        scores=scores,
        std=std,
        null=null,
    )


def shift_null(
    layer: FrameCanvas,
    partitions: Mapping[str, Int[Tensor, "height width"]],
    neurons: Sequence[int],
    shifts: int = 20,
    seed: int = 0,
    std: bool = False,
    convention: Convention = "paper",
) -> ShiftNull:
    """Score neurons while the labels are shifted around the frame, wrapping at its edges.

    A partition that every shift turns into itself, as it does the lattice, says nothing about the picture; it has
    no null and is left out, as are partitions with one cluster only.

    Args:
        layer: the layer's canvas at one frame.
        partitions: label pictures by name.
        neurons: which neurons, in ascending order; dead ones give NaN.
        shifts: how many different shifts.
        seed: of the shifts.
        std: see :func:`grouping_variance`.
        convention: likewise.

    Raises:
        ValueError: if fewer than 2 shifts are asked for, or more than the frame has.
    """
    height, width = layer.shape
    if not 2 <= shifts < height * width:
        raise ValueError(
            f"shifts={shifts}: a frame of {height}×{width} has 2 … {height * width - 1} of them."
        )
    drawn = np.random.default_rng(seed).choice(height * width - 1, shifts, replace=False) + 1
    moves = np.stack(np.divmod(drawn, width), 1)
    shifted = {}
    for name, labels in partitions.items():
        moved = [torch.roll(labels, (int(down), int(right)), (0, 1)) for down, right in moves]
        if int(labels.amin()) < int(labels.amax()) and not all(_same_groups(labels, m) for m in moved):
            shifted[name] = moved
    statistics = layer.reduce(
        {f"{name} {i}": labels for name, moved in shifted.items() for i, labels in enumerate(moved)},
        thresholds=(),
        neurons=neurons,
    )
    scores = {
        name: np.stack(
            [
                variance_scores(
                    statistics.cluster_sums[f"{name} {i}"],
                    statistics.cluster_areas[f"{name} {i}"],
                    std,
                    _is_absolute(name, convention),
                )
                for i in range(shifts)
            ]
        )
        for name in shifted
    }
    return ShiftNull(np.asarray(neurons), moves, scores)


def _is_absolute(partition: str, convention: Convention) -> bool:
    return convention == "released" and partition not in SIGNED_AS_RELEASED


def _same_groups(one: Tensor, other: Tensor) -> bool:
    """Whether two label pictures divide the pixels alike, whatever the groups are called."""
    pairs = one * (other.amax() + 1) + other
    groups = {int(labels.flatten().bincount().count_nonzero()) for labels in (one, other, pairs)}
    return len(groups) == 1
