"""Whether neurons favour objects, colours, textures or places: variance over groups of pixels (§4.2, Eq. 2).

The paper compares the variances of several partitions with each other. But images are smooth, so that any large
connected cluster, wherever it is, receives contributions unevenly. Therefore
:func:`~xinc_lightning.analyses.shift_null` shifts each partition's labels around the frame. The clusters keep their
shapes and sizes but no longer match the image: what the real partition has beyond that is due to the image's content.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from xinc_lightning.analyses.grouping_controls import ShiftNull
from xinc_lightning.analyses.grouping_scores import is_absolute, variance_scores
from xinc_lightning.analyses.partitions import Convention
from xinc_lightning.analyses.result import Result
from xinc_lightning.canvas import FrameStatistics

ROUNDING = 1e-5
"""Standard deviations of δ that differ by less are equal: the sums are float32."""


@dataclass(frozen=True)
class GroupingVarianceResult(Result):
    """Grouping variance of a layer's neurons for each partition.

    Attributes:
        neurons: [neurons] their indices.
        dead: [neurons] whether a neuron has no contribution.
        scores: by partition, [neurons] variance (or standard deviation) of δ over its clusters; NaN if dead.
        std: whether scores are standard deviations.
        null: the same under shifts, for some of the neurons.
        seed_medians: by k-means partition, [seeds] median over the same neurons, for several seeds of k-means.
    """

    analysis = "variance"
    neurons: Int[np.ndarray, " neurons"]
    dead: Bool[np.ndarray, " neurons"]
    scores: Mapping[str, Float[np.ndarray, " neurons"]]
    std: bool = False
    null: ShiftNull | None = None
    seed_medians: Mapping[str, Float[np.ndarray, " seeds"]] = field(default_factory=dict)

    @property
    def tested(self) -> tuple[str, ...]:
        """Partitions that have a null."""
        return tuple(self.null.scores) if self.null else ()

    def sampled(self, partition: str) -> Float[np.ndarray, " sampled"]:
        """Scores of the neurons that have a null."""
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
        """Quartiles of each partition's scores, spread of the median over seeds of k-means (largest minus
        smallest), and rank and effect of the layer relative to the null; empty if all neurons are dead.
        """  # noqa: D205
        scalars: dict[str, float] = {}
        if self.dead.all():
            return scalars
        for name, scores in self.scores.items():
            low, median, high = np.quantile(scores[~self.dead], (0.25, 0.5, 0.75))
            scalars |= {f"{name}_q25": low, f"{name}_median": median, f"{name}_q75": high}
        scalars |= {
            f"{name}_seed_spread": float(np.ptp(medians)) for name, medians in self.seed_medians.items()
        }
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
        """The arrays needed to redraw the figure."""
        arrays = {
            "layer": np.array(self.layer),
            "neurons": self.neurons,
            "dead": self.dead,
            "std": np.array(self.std),
        }
        arrays |= {f"scores_{name}": scores for name, scores in self.scores.items()}
        arrays |= {f"seed_medians_{name}": medians for name, medians in self.seed_medians.items()}
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
        """Restore a saved result."""

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
            by_partition("seed_medians_"),
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


def grouping_variance(
    statistics: FrameStatistics,
    partitions: Mapping[str, str] | None = None,
    std: bool = False,
    convention: Convention = "paper",
    null: ShiftNull | None = None,
    seed_medians: Mapping[str, Float[np.ndarray, " seeds"]] | None = None,
) -> GroupingVarianceResult:
    """Score every neuron of a layer for every partition; partitions with a single cluster are skipped.

    Args:
        statistics: the layer's reductions at one frame.
        partitions: names of partitions, and their names in the statistics; by default all.
        std: standard deviations instead of variances.
        convention: ``paper`` for δ with its sign, ``released`` for |δ| except for grid and lattice, like the released
            code.
        null: the scores under shifts, with the same options.
        seed_medians: result of :func:`~xinc_lightning.analyses.medians_over_seeds`, with the same options.
    """
    if partitions is None:
        partitions = {name: name for name in statistics.cluster_sums}
    scores = {}
    for name, key in partitions.items():
        areas = statistics.cluster_areas[key]
        if int((areas > 0).sum()) > 1:
            sums = statistics.cluster_sums[key]
            scores[name] = variance_scores(sums, areas, std, is_absolute(name, convention))
    return GroupingVarianceResult(
        layer=statistics.layer,
        neurons=statistics.neurons.cpu().numpy(),
        dead=(statistics.absolute_sum == 0).cpu().numpy(),
        scores=scores,
        std=std,
        null=null,
        seed_medians=seed_medians or {},
    )
