"""The fast sweep over float32 canvases on the CPU: maps are computed and reduced one row at a time.

The stages up to the last activation run at the resolution before the last upsampling, in torch but for the
filters, so that any activation works. The last upsampling and box filter are a few taps per axis
(:mod:`~xinc_lightning.canvas.polyphase`), applied by the kernels that also reduce the result. Neurons of one
sub-pixel phase share their taps and form a group whose index is innermost in memory.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Event
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from xinc_lightning.canvas import kernels
from xinc_lightning.canvas.changes import Changes
from xinc_lightning.canvas.compiled_cache import forgive_damaged_files
from xinc_lightning.canvas.effects import Contributions
from xinc_lightning.canvas.linear import LinearTerms
from xinc_lightning.canvas.polyphase import Taps, axis_taps
from xinc_lightning.canvas.precision import one_thread
from xinc_lightning.canvas.streams import Counts, Partitions, Refinement, Slots, State, Sums, Track
from xinc_lightning.canvas.strongest import Strongest
from xinc_lightning.canvas.sweep import Sweep
from xinc_lightning.networks.layers import Activation

forgive_damaged_files()

# Lanes of a group: enough to amortise each inner loop, few enough for a group's rows to stay in cache, and a multiple
# of what an inner loop takes at once, so that nothing is left over.
LANES = 128
FEWEST_LANES = 16
THREADS = 16
# What a layer's sources may take to be kept from the first pass for the others: all of the paper's NeRV at a frame.
KEPT_BYTES = 192 * 2**20
CPU = torch.device("cpu")

Array = NDArray[Any]
S = TypeVar("S")
A = TypeVar("A", bound=State)


@dataclass(frozen=True)
class Stage:
    """Upsampling and box filter along both axes, then an activation.

    Args:
        rows: taps along the rows.
        cols: taps along the columns.
        offset: value of masked positions, which the source is relative to.
        activation: what follows, ``None`` for the identity.
    """

    rows: Taps
    cols: Taps
    offset: np.float32
    activation: Activation | None


@dataclass(frozen=True)
class Group:
    """What a kernel needs to compute the maps of a group of neurons."""

    source: Float[np.ndarray, "frames rows cols_lanes"]
    stage: Stage
    lanes: int

    @property
    def arguments(self) -> tuple[Array, Taps, Taps, np.float32]:
        """The first arguments of every kernel."""
        return self.source, self.stage.rows, self.stage.cols, self.stage.offset


class FusedSweep(Sweep):
    """Reduces a layer's canvas with the kernels of :mod:`~xinc_lightning.canvas.kernels`.

    Groups of neurons go round-robin to as many threads as torch uses, each with its own sums per pixel.

    Args:
        terms: the layer's terms, float32 on the CPU.
        neurons: which neurons.
        max_bytes: size of the sources of the groups that are processed at once.
    """

    def __init__(self, terms: Contributions, neurons: Int[Tensor, " n"], max_bytes: int) -> None:
        self.terms = terms
        self.neurons = neurons
        factor = terms.shuffle if not isinstance(terms, LinearTerms) else 1
        self.phases = neurons % factor**2
        self.stages = {phase: _stages(terms, phase) for phase in torch.unique(self.phases).tolist()}
        self.threads = min(torch.get_num_threads(), THREADS)
        last = next(iter(self.stages.values()))[-1]
        size = 4 * terms.frames * (int(last.rows.source.max()) + 1) * (int(last.cols.source.max()) + 1)
        share = -(-len(neurons) // self.threads)
        self.lanes = max(1, min(LANES, max(share, FEWEST_LANES), max_bytes // self.threads // size))
        self.keeps = len(neurons) * size <= KEPT_BYTES
        self.kept: dict[int, Group] = {}

    def settings(self) -> AbstractContextManager[None]:
        """Torch on one thread: the sweep has its own threads, and more would wait for each other."""
        return one_thread()

    def chunks(self) -> list[Slots]:
        """Slots of each group's neurons: of one phase, ``lanes`` of them but in the last group."""
        groups: list[Slots] = []
        for phase in self.stages:
            groups += torch.split(torch.nonzero(self.phases == phase)[:, 0], self.lanes)
        return groups

    def sums(self, chunks: Sequence[Slots], partitions: Partitions, track: Track) -> Sums:
        """First pass."""
        terms = self.terms
        total = Sums.zeros(len(self.neurons), terms.frames, terms.shape, partitions.clusters, CPU)
        labels = partitions.labels.to(torch.uint32).contiguous().numpy()

        def work(groups: Iterable[Slots]) -> Sums:
            state = total.alike()
            per_pixel = (state.pixels.numpy(), state.xlogx.numpy(), state.changes.numpy())
            counts, lows = state.bin_counts.numpy(), state.bin_lows.numpy()
            bins = (np.zeros_like(counts), counts, lows)
            for slots in groups:
                group = self._group(slots)
                if self.keeps:
                    self.kept[int(slots[0])] = group
                size = (terms.frames, group.lanes)
                signed, absolute = np.zeros((2, *size))
                minimum, maximum = np.full(size, np.inf, np.float32), np.zeros(size, np.float32)
                clusters = np.zeros((terms.frames, partitions.clusters, group.lanes))
                per_neuron = (signed, absolute, minimum, maximum, clusters, clusters.astype(np.float32))
                kernels.sum_group(*group.arguments, labels, per_neuron, per_pixel, bins)
                state.signed[slots] = torch.from_numpy(signed.T)
                state.absolute[slots] = torch.from_numpy(absolute.T)
                state.minimum[slots] = torch.from_numpy(minimum.T).double()
                state.maximum[slots] = torch.from_numpy(maximum.T).double()
                state.clusters[slots] = torch.from_numpy(clusters.transpose(2, 0, 1))
            return state

        for state in self._share(chunks, work, track):
            total.add(state)
        return total

    def refinement(
        self, chunks: Sequence[Slots], brackets: Int[Tensor, "thresholds frames"], track: Track
    ) -> Refinement:
        """Second pass."""
        targets = brackets.int().numpy()

        def add(state: Refinement, slots: Slots, group: Group) -> None:
            kernels.refine_group(*group.arguments, group.lanes, targets, state.counts.numpy())

        return self._added_up(Refinement.zeros(brackets), chunks, add, track)

    def counts(
        self,
        chunks: Sequence[Slots],
        sums: Sums,
        limits: Float[Tensor, "frames height width"],
        tau: Float[Tensor, "thresholds frames"],
        track: Track,
    ) -> Counts:
        """Third pass."""
        bounds = (limits.numpy(), tau.float().numpy())

        def add(state: Counts, slots: Slots, group: Group) -> None:
            pixels = np.zeros((self.terms.frames, group.lanes), np.int32)
            kernels.count_group(*group.arguments, group.lanes, *bounds, pixels, state.above.numpy())
            state.pixels[slots] = torch.from_numpy(pixels.T).long()

        return self._added_up(Counts.zeros(sums, len(tau)), chunks, add, track)

    def changes(self, chunks: Sequence[Slots]) -> Changes:
        """A separate pass."""
        terms = self.terms

        def add(state: Changes, slots: Slots, group: Group) -> None:
            neurons = np.zeros((terms.frames - 1, group.lanes))
            kernels.change_group(*group.arguments, group.lanes, neurons, state.pixels.numpy())
            state.neurons[slots] = torch.from_numpy(neurons.T)

        total = Changes.zeros(len(self.neurons), terms.frames, terms.shape, CPU)
        return self._added_up(total, chunks, add, iter)

    def strongest(self, chunks: Sequence[Slots], cell: int, count: int, frame: int) -> Strongest:
        """A separate pass."""
        nothing = Strongest.nothing(self.terms.shape, cell, count, CPU)

        def work(groups: Iterable[Slots]) -> Strongest:
            state = Strongest.nothing(self.terms.shape, cell, count, CPU)
            kept = (state.neurons.numpy(), state.sums.numpy(), state.totals.numpy())
            for slots in groups:
                group, indices = self._group(slots), self.neurons[slots].numpy()
                source, *taps = group.arguments
                kernels.strongest_group(source[frame], *taps, group.lanes, cell, indices, *kept)
            return state

        return nothing.merged(self._share(chunks, work, iter))

    def _group(self, slots: Slots) -> Group:
        """Everything up to the last activation, at the resolution before the last upsampling."""
        if kept := self.kept.get(int(slots[0])):
            return kept
        terms, neurons, lanes = self.terms, self.neurons[slots], len(slots)
        stages = self.stages[int(self.phases[slots[0]])]
        if isinstance(terms, LinearTerms):
            values = terms.maps(neurons)
        else:
            values = terms.terms(neurons)
            values = terms.activation(values) if terms.activation else values
            values = values - float(stages[0].offset) if stages[0].offset else values
        values = values.permute(1, 2, 3, 0).contiguous()
        for stage in stages[:-1]:
            out = torch.empty(len(values), len(stage.rows.used), len(stage.cols.used), lanes)
            kernels.spread(values.flatten(2).numpy(), stage.rows, stage.cols, stage.offset, out.numpy())
            values = stage.activation(out).contiguous() if stage.activation else out
        return Group(values.flatten(2).numpy(), stages[-1], lanes)

    def _added_up(
        self, total: A, chunks: Sequence[Slots], add: Callable[[A, Slots, Group], None], track: Track
    ) -> A:
        """``total`` with every group of neurons added to it."""

        def work(groups: Iterable[Slots]) -> A:
            state = total.alike()
            for slots in groups:
                add(state, slots, self._group(slots))
            return state

        for state in self._share(chunks, work, track):
            total.add(state)
        return total

    def _share(self, chunks: Sequence[Slots], work: Callable[[Iterable[Slots]], S], track: Track) -> list[S]:
        """Results of ``work`` on every thread's share of the chunks."""
        stop = Event()

        def until_stopped(share: Sequence[Slots]) -> Iterator[Slots]:
            for slots in track(share):
                if stop.is_set():
                    return
                yield slots

        def job(share: Sequence[Slots]) -> S:
            torch.set_num_threads(1)
            with torch.no_grad():  # both settings are per thread
                return work(until_stopped(share))

        with ThreadPoolExecutor(self.threads) as pool:
            jobs = [pool.submit(job, chunks[i :: self.threads]) for i in range(self.threads)]
            try:
                return [j.result() for j in jobs]
            finally:
                stop.set()  # on an interrupt, finish only the groups that have started


def _stages(terms: Contributions, phase: int) -> list[Stage]:
    """Each box filter with the upsampling before it, and the activation after it.

    A stage's nearest-neighbour upsampling is done in the next, after the activation, with which it commutes.
    """
    nothing = np.float32(0)
    if isinstance(terms, LinearTerms):
        height, width = terms.shape
        return [Stage(axis_taps(height, 1, None, 1), axis_taps(width, 1, None, 1), nothing, None)]
    factor = terms.shuffle
    phases: tuple[int | None, int | None] = (phase // factor, phase % factor) if factor > 1 else (None, None)
    offset = nothing
    if factor > 1 and terms.activation:
        offset = np.float32(float(terms.activation(torch.zeros(1))))
    height, width = terms.values.shape[2:]
    if not terms.steps:
        return [
            Stage(
                axis_taps(height, factor, phases[0], 1), axis_taps(width, factor, phases[1], 1), offset, None
            )
        ]
    stages = []
    for i, step in enumerate(terms.steps):
        repeat = step.upsample if i == len(terms.steps) - 1 else 1
        rows = axis_taps(height, factor, phases[0], step.kernel[0], repeat)
        cols = axis_taps(width, factor, phases[1], step.kernel[1], repeat)
        stages.append(Stage(rows, cols, offset, step.activation))
        height, width = height * factor, width * factor
        factor, phases, offset = step.upsample, (None, None), nothing
    return stages
