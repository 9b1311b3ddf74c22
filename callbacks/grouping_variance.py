"""Whether neurons favour objects, colours, textures or places (§4.2, Figs 4, 16)."""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from torch import Tensor

from xinc_lightning.analyses import (
    Convention,
    Partition,
    ShiftNull,
    frame_partitions,
    grouping_variance,
    medians_over_seeds,
    sample_live,
    shift_null,
)
from xinc_lightning.analyses.grouping_scores import SIGNED_AS_RELEASED
from xinc_lightning.analyses.partitions import SEEDED
from xinc_lightning.callbacks.base.context import AnalysisContext, Needs
from xinc_lightning.callbacks.base.layer_analysis import FrameAnalysis, require_positive
from xinc_lightning.callbacks.base.sink import Sink
from xinc_lightning.canvas import FrameCanvas
from xinc_lightning.data import PanopticClip
from xinc_lightning.errors import UserError
from xinc_lightning.figures import grouping_variances
from xinc_lightning.modules import INRModule

DEFAULT_GRID = (4, 8)


class GroupingVariance(FrameAnalysis):
    """Variance of every neuron's contributions over groups of pixels, and over the same groups shifted.

    Args:
        partitions: which groupings, by default all; ``instances`` needs a mask of the frame.
        grid: rows and columns of grid cells; also sets the number of groups of the lattice, rgb and gabor.
        std: standard deviations instead of variances.
        convention: ``paper``, or ``released`` for what the authors' code computes: |δ| but for grid and lattice, and
            its own Gabor filters.
        shifts: number of random shifts of the labels for the control; 0 for no control.
        seeds: number of seeds of k-means for the spread of the medians of rgb and gabor; 1 for no spread.
        max_null_neurons: number of neurons of each layer for both comparisons, sampled from those that contribute.
        seed: of k-means, of the shifts and of the sample.
        options: layers, frame, cadence and ``strict``, see
            :class:`~xinc_lightning.callbacks.base.layer_analysis.FrameAnalysis`.

    Raises:
        UserError: if ``shifts`` is 1 or negative (a standard deviation needs two), or if there are no cells or
            no neurons.
    """

    def __init__(
        self,
        partitions: list[Partition] | None = None,
        grid: tuple[int, int] = DEFAULT_GRID,
        std: bool = False,
        convention: Convention = "paper",
        shifts: int = 20,
        seeds: int = 3,
        max_null_neurons: int = 128,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if shifts < 0 or shifts == 1:
            raise UserError(f"GroupingVariance: shifts must be 0 (no control) or at least 2, got {shifts}.")
        require_positive(self, grid=min(grid), max_null_neurons=max_null_neurons, seeds=seeds)
        if tuple(grid) == (1, 1):
            raise UserError("GroupingVariance: grid must have at least two cells, got 1×1.")
        if partitions is not None and not partitions:
            raise UserError("GroupingVariance: partitions is empty; leave it out for all partitions.")
        self.partitions = partitions or list(get_args(Partition))
        self.grid = grid
        self.std = std
        self.convention: Convention = convention
        self.shifts = shifts
        self.seeds = seeds
        self.max_null_neurons = max_null_neurons
        self.seed = seed
        self._clip: PanopticClip | None = None
        self._labels: dict[str, Tensor] = {}
        self._by_seed: dict[str, list[Tensor]] = {}

    def check(self, module: INRModule, clip: PanopticClip) -> None:
        """Require that a grid cell is at least one pixel, and that there are enough different shifts."""
        super().check(module, clip)
        rows, columns = self.grid
        if rows > clip.height or columns > clip.width:
            raise UserError(
                f"GroupingVariance: grid={rows}×{columns} has more rows or columns than the frames have pixels, "
                f"{clip.height}×{clip.width}; the nearest is {min(rows, clip.height)}×{min(columns, clip.width)}."
            )
        most = clip.height * clip.width - 1
        if self.shifts > most:
            raise UserError(
                f"GroupingVariance: shifts must be at most {most} for frames of {clip.height}×{clip.width}, "
                f"got {self.shifts}."
            )

    def labels(self, clip: PanopticClip) -> dict[str, Tensor]:
        """The frame's partitions, computed once: they do not depend on the network."""
        if self._clip is not clip:
            self._clip = clip
            self._labels = self._partitions(clip, self.partitions, self.seed)
            seeded = [name for name in SEEDED if name in self._labels]
            others = [self._partitions(clip, seeded, self.seed + i) for i in range(1, self.seeds)]
            self._by_seed = {
                name: [self._labels[name], *(labels[name] for labels in others)] for name in seeded if others
            }
            if "instances" in self.partitions and "instances" not in self._labels:
                self.warn_once(
                    f"GroupingVariance skips instances: frame {clip.indices[self.frame]} of "
                    f"'{clip.name}' has no mask."
                )
            single = [name for name, labels in self._labels.items() if labels.amin() == labels.amax()]
            if single:
                self.warn_once(
                    f"GroupingVariance skips {' and '.join(single)}: frame "
                    f"{clip.indices[self.frame]} of '{clip.name}' is a single cluster."
                )
        return self._labels

    def _partitions(self, clip: PanopticClip, names: Sequence[Partition], seed: int) -> dict[str, Tensor]:
        return frame_partitions(clip, self.frame, names, self.grid, seed, self.convention)

    def needs(self, clip: PanopticClip) -> Needs:
        """The frame and its partitions."""
        return Needs((self.frame,), {self._key(name): labels for name, labels in self.labels(clip).items()})

    def analyse(self, context: AnalysisContext, sink: Sink) -> None:
        """One figure of all layers."""
        labels = self.labels(context.clip)
        results = []
        for name in self.layers or context.layers:
            statistics = context.statistics(name, self.frame)
            layer = context.canvas(name, self.frame)
            sample = sample_live(statistics, self.max_null_neurons, self.seed)
            null, medians = self._null(layer, sample, labels), self._seed_medians(layer, sample)
            keys = {partition: self._key(partition) for partition in labels}
            result = grouping_variance(statistics, keys, self.std, self.convention, null, medians)
            sink.result(result)
            kind = "std" if self.std else "variance"
            scores = {f"{kind}_{partition}": values for partition, values in result.scores.items()}
            sink.about_neurons(name, result.neurons, **scores)
            results.append(result)
        sink.arrays("partitions", **{name: _small(picture) for name, picture in self._saved().items()})
        title = context.title("layers", self.frame)
        if tuple(self.grid) != DEFAULT_GRID:
            title += (
                f"\ngrid {self.grid[0]}×{self.grid[1]}, and as many clusters of the lattice, rgb and gabor"
            )
        if self.convention == "released":
            title += f"\nas released: of |δ|, but of δ with its sign for {' and '.join(SIGNED_AS_RELEASED)}"
        sink.figure("variance", grouping_variances(results, title))

    def _saved(self) -> dict[str, Tensor]:
        """Every label picture the scores depend on; those of other seeds with a number."""
        others = {
            f"{name}_seed{i}": labels
            for name, pictures in self._by_seed.items()
            for i, labels in enumerate(pictures)
            if i
        }
        return {**self._labels, **others}

    def _seed_medians(self, layer: FrameCanvas, sample: list[int]) -> dict[str, np.ndarray]:
        if not sample:
            return {}
        return medians_over_seeds(layer, self._by_seed, sample, self.std, self.convention)

    def _null(self, layer: FrameCanvas, sample: list[int], labels: dict[str, Tensor]) -> ShiftNull | None:
        if not (self.shifts and sample):
            return None
        return shift_null(layer, labels, sample, self.shifts, self.seed, self.std, self.convention)

    def _key(self, partition: str) -> str:
        """Name of a partition in the pass that all analyses share."""
        return (
            f"{partition} of frame {self.frame}, grid {self.grid[0]}×{self.grid[1]}, seed {self.seed}, "
            f"as in the {self.convention}"
        )


def _small(labels: Tensor) -> np.ndarray:
    return labels.cpu().numpy().astype(np.uint16)
