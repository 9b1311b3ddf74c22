"""The canvas of one layer, for all frames or for one: its maps, and their reductions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.distributed import ProcessGroup

from xinc_lightning.canvas.changes import Changes
from xinc_lightning.canvas.effects import CHUNK_BYTES, Ablation, EffectSums, EffectTerms
from xinc_lightning.canvas.layer_maps import MAX_BYTES, LayerMaps, Neurons
from xinc_lightning.canvas.memory import within_memory
from xinc_lightning.canvas.precision import full_precision, one_thread
from xinc_lightning.canvas.reduction import fastest_sweep, reduce_layer
from xinc_lightning.canvas.statistics import FrameStatistics, LayerStatistics
from xinc_lightning.canvas.strongest import Strongest
from xinc_lightning.canvas.sweep import Sweep

T = TypeVar("T")


class LayerCanvas(LayerMaps):
    """One layer's maps with their reductions; see :class:`~xinc_lightning.canvas.layer_maps.LayerMaps`."""

    def at(self, frame: int) -> "FrameCanvas":
        """The canvas of one of the frames.

        Raises:
            IndexError: if there is no such frame.
        """
        if not 0 <= frame < self.frames:
            raise IndexError(f"frame {frame} of layer {self.name!r}: its frames are 0 … {self.frames - 1}.")
        effects = self.effect_terms.at(frame)
        terms = effects if isinstance(self.terms, EffectTerms) else self.terms.at(frame)
        return FrameCanvas(LayerCanvas(self.name, terms, effects))

    def effect_sums(
        self,
        truth: Float[Tensor, "frames colours height width"] | None = None,
        neurons: Neurons | None = None,
        ablation: Ablation = "zero",
        max_bytes: int = CHUNK_BYTES,
    ) -> EffectSums:
        """Σ|e| of every neuron and at every pixel, and by how much the error rises, a few neurons at a time.

        Args:
            truth: the true frames, for the rise of the squared error.
            neurons: which neurons, by default all.
            ablation: see :meth:`effects`.
            max_bytes: size of the largest layer's output for the neurons that run together.

        Raises:
            IndexError: if a neuron does not exist.
            ValueError: if there are no neurons, or the declared layers are not all that makes the picture.
        """
        chosen = self._some(neurons)

        def work(size: int) -> EffectSums:
            with torch.inference_mode(False), torch.no_grad(), full_precision():
                return self.ablated(ablation).sums(chosen, truth, size)

        return within_memory(work, max_bytes, f"the effects of layer {self.name!r}")

    def completeness_error(self, max_bytes: int = MAX_BYTES) -> float:
        """Difference between the sum of the neurons' terms before activation and what the network computed.

        The sum is over all neurons: over the input channels; each sub-pixel phase is a separate output. A few
        times the dtype's rounding error counts as exact.

        Returns:
            Largest absolute difference over the largest absolute value.
        """

        def work(size: int) -> float:
            with torch.no_grad(), full_precision(), one_thread():
                return self.terms.completeness_error(self._chunk(size))

        return within_memory(work, max_bytes, f"the canvas of layer {self.name!r}")

    def reduce(
        self,
        partitions: Mapping[str, Tensor] | None = None,
        thresholds: Sequence[float] = (0.1, 0.5),
        points: int = 1000,
        neurons: Neurons | None = None,
        max_bytes: int = MAX_BYTES,
        group: ProcessGroup | None = None,
        progress: bool = False,
    ) -> LayerStatistics:
        """All reductions that the analyses need, in three passes over the maps, only a few in memory at a time.

        Args:
            partitions: by name, each pixel's cluster, integers [height, width] from 0, or
                [frames, height, width] where clusters move.
            thresholds: the fractions x for which τ_x is computed.
            points: points of the sampled sorted curve of |c|.
            neurons: which neurons, by default all; they are treated as the whole layer.
            max_bytes: size of a chunk; halved while it does not fit into memory.
            group: processes that hold the same canvas and divide the work; all of them get the result.
            progress: whether to show a progress bar.

        Raises:
            ValueError: if a partition or a threshold is invalid.
            IndexError: if a neuron does not exist.
        """
        chosen = self._some(neurons)

        def take(sweep: Sweep) -> LayerStatistics:
            return reduce_layer(
                self.name, sweep, self.terms, chosen, partitions or {}, thresholds, points, group, progress
            )

        # Processes divide the chunks among them, so that none may change their size alone.
        return self._swept(chosen, max_bytes, take, fixed=group is not None)

    def changes(self, neurons: Neurons | None = None, max_bytes: int = MAX_BYTES) -> Changes:
        """The fluctuation alone, Σ||c_t| − |c_{t−1}|| per neuron and per pixel, in one pass over the maps.

        Args:
            neurons: which neurons, by default all.
            max_bytes: size of a chunk.

        Raises:
            ValueError: if there are no neurons.
            IndexError: if a neuron does not exist.
        """
        chosen = self._some(neurons)

        def take(sweep: Sweep) -> Changes:
            with sweep.settings():
                return sweep.changes(sweep.chunks())

        return self._swept(chosen, max_bytes, take)

    def strongest(
        self,
        cell: int = 1,
        count: int = 8,
        frame: int = 0,
        neurons: Neurons | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> Strongest:
        """The neurons that contribute most to each cell of one frame, in one pass over the maps.

        Args:
            cell: side of a cell in pixels; 1 for single pixels.
            count: number of neurons per cell.
            frame: which of the canvas's frames.
            neurons: which neurons, by default all.
            max_bytes: size of a chunk.

        Raises:
            ValueError: if ``cell`` or ``count`` is less than 1.
            IndexError: if the frame or a neuron does not exist.
        """
        if cell < 1 or count < 1:
            raise ValueError(f"cell and count must be at least 1, got {cell} and {count}.")
        if not 0 <= frame < self.frames:
            raise IndexError(f"frame {frame} of layer {self.name!r}: its frames are 0 … {self.frames - 1}.")
        chosen = self.select(neurons)

        def take(sweep: Sweep) -> Strongest:
            with sweep.settings():
                return sweep.strongest(sweep.chunks(), cell, count, frame)

        return self._swept(chosen, max_bytes, take)

    def _some(self, neurons: Neurons | None) -> Int[Tensor, " n"]:
        """Like :meth:`select`, but at least one."""
        chosen = self.select(neurons)
        if not len(chosen):
            raise ValueError(f"no neurons of layer {self.name!r} to reduce: give at least one.")
        return chosen

    def _swept(
        self, neurons: Int[Tensor, " n"], max_bytes: int, take: Callable[[Sweep], T], fixed: bool = False
    ) -> T:
        """Result of ``take`` on the fastest sweep over these neurons; smaller chunks if out of memory, unless fixed."""

        def work(size: int) -> T:
            # Inference mode is per thread: the sweep's threads could not write to its tensors.
            with torch.inference_mode(False), torch.no_grad(), full_precision():
                return take(fastest_sweep(self.terms, neurons, size))

        return (
            work(max_bytes) if fixed else within_memory(work, max_bytes, f"the canvas of layer {self.name!r}")
        )


class FrameCanvas:
    """One layer's contribution maps of one frame: a :class:`LayerCanvas` without the axis of frames.

    Args:
        canvas: the layer's canvas of this frame alone.
    """

    def __init__(self, canvas: LayerCanvas) -> None:
        self._canvas = canvas

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self._canvas.name

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return self._canvas.neurons

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a map."""
        return self._canvas.shape

    @property
    def labels(self) -> Mapping[str, Int[Tensor, " neurons"]]:
        """What identifies each neuron besides its index."""
        return self._canvas.labels

    @property
    def pruned(self) -> Bool[Tensor, " neurons"]:
        """See the terms' ``pruned``."""
        return self._canvas.terms.pruned

    @property
    def inactive(self) -> Bool[Tensor, " neurons"]:
        """See :meth:`LayerCanvas.inactive`."""
        return self._canvas.inactive

    def maps(self, neurons: Neurons) -> Float[Tensor, "n height width"]:
        """See :meth:`LayerCanvas.maps`."""
        return self._canvas.maps(neurons)[:, 0]

    def effects(
        self, neurons: Neurons, ablation: Ablation = "zero"
    ) -> Float[Tensor, "n colours height width"]:
        """See :meth:`LayerCanvas.effects`; mean ablation takes the mean over this frame."""
        return self._canvas.effects(neurons, ablation)[:, 0]

    def completeness_error(self) -> float:
        """See :meth:`LayerCanvas.completeness_error`."""
        return self._canvas.completeness_error()

    def reduce(self, partitions: Mapping[str, Tensor] | None = None, **options: Any) -> FrameStatistics:
        """See :meth:`LayerCanvas.reduce`."""
        return self._canvas.reduce(partitions, **options).at(0)

    def strongest(self, cell: int = 1, count: int = 8, neurons: Neurons | None = None) -> Strongest:
        """See :meth:`LayerCanvas.strongest`."""
        return self._canvas.strongest(cell, count, neurons=neurons)
