"""Reductions over a stream of maps: three passes whose states add up over chunks and over processes.

1. :class:`Sums`: sums per neuron, cluster and pixel, and a histogram over the leading bits of |c|.
2. :class:`Refinement`: within the histogram bin in which τ_x lies, a histogram of the remaining bits.
   Together they distinguish all float32 numbers, so that τ_x is the same as by sorting, without storing the
   values.
3. :class:`Counts`: reductions that need totals and thresholds first.

A state covers all neurons; the part of neurons outside a chunk stays 0, so that states of different chunks or
processes merge by addition.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import ClassVar, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributed import ProcessGroup, all_reduce

# A float32 without its sign has 31 bits: 16 select the bin, 15 the number within it. Compiled kernels are cached
# on disk, and a change here does not invalidate them: touch kernels.py, too.
LOW_BITS = 15
BINS = 1 << (31 - LOW_BITS)
# Pixels whose clusters are expanded to one-hot columns together.
ONE_HOT_PIXELS = 8192

Maps = Float[Tensor, "n frames height width"]
# Indices along the neuron axis.
Slots = Int[Tensor, "_"]
# Iterates over chunks and advances a progress bar.
Track = Callable[[Iterable[Slots]], Iterable[Slots]]


S = TypeVar("S", bound="State")


class State:
    """Tensors that merge by addition.

    Those named in ``disjoint`` have a neuron axis along which the parts of one process write to different slots.
    """

    disjoint: ClassVar[frozenset[str]] = frozenset()

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def alike(self: S) -> S:
        """A part's state: zeros, but shared memory where parts write to different slots."""
        return type(self)(
            **{
                name: t if name in self.disjoint else torch.zeros_like(t)
                for name, t in self.tensors().items()
            }
        )

    def add(self: S, part: S) -> None:
        """Add a part's state, in place."""
        mine = self.tensors()
        for name, tensor in part.tensors().items():
            if name not in self.disjoint:
                mine[name].add_(tensor)

    def merge(self: S, group: ProcessGroup | None) -> S:
        """Sum over the processes of ``group``, in place; without a group, unchanged."""
        if group is not None:
            for tensor in self.tensors().values():
                all_reduce(tensor, group=group)
        return self


@dataclass(frozen=True)
class Partitions:
    """Several divisions of the pixels into clusters, numbered consecutively.

    Args:
        labels: each pixel's cluster in each partition, counted over all partitions.
        sizes: number of clusters by partition's name.
    """

    labels: Int[Tensor, "frames height width partitions"]
    sizes: Mapping[str, int]

    @classmethod
    def of(
        cls, partitions: Mapping[str, Tensor], frames: int, shape: tuple[int, int], device: torch.device
    ) -> "Partitions":
        """Check and stack label images [height, width] or [frames, height, width].

        Raises:
            ValueError: if a partition has another shape, or labels that are not integers from 0.
        """
        stacked: list[Tensor] = []
        sizes: dict[str, int] = {}
        for name, labels in partitions.items():
            labels = torch.as_tensor(labels, device=device)
            if labels.is_floating_point() or labels.is_complex():
                raise ValueError(f"partition {name!r} is {labels.dtype}: labels must be integers.")
            if tuple(labels.shape) not in (shape, (frames, *shape)):
                raise ValueError(
                    f"partition {name!r} is {tuple(labels.shape)}; the maps need {shape} or "
                    f"{(frames, *shape)}."
                )
            if int(labels.min()) < 0:
                raise ValueError(
                    f"partition {name!r} has the label {int(labels.min())}: labels must be at least 0."
                )
            stacked.append(labels.long().expand(frames, *shape) + sum(sizes.values()))
            sizes[name] = int(labels.max()) + 1
        empty = torch.empty(frames, *shape, 0, dtype=torch.long, device=device)
        return cls(torch.stack(stacked, -1) if stacked else empty, sizes)

    @property
    def clusters(self) -> int:
        """Number of clusters of all partitions together."""
        return sum(self.sizes.values())

    def split(self, sums: Tensor) -> dict[str, Tensor]:
        """Divide a last axis over all clusters by partition."""
        return dict(zip(self.sizes, torch.split(sums, list(self.sizes.values()), -1), strict=True))

    def areas(self) -> Int[Tensor, "frames clusters"]:
        """Pixels of each cluster."""
        labels = self.labels.flatten(1)
        areas = torch.zeros(len(labels), self.clusters, dtype=torch.long, device=labels.device)
        return areas.scatter_add_(1, labels, torch.ones_like(labels))


@dataclass(frozen=True)
class Sums(State):
    """State of the first pass; see :class:`~xinc_lightning.canvas.statistics.LayerStatistics`."""

    disjoint = frozenset({"signed", "absolute", "minimum", "maximum", "clusters"})

    signed: Float[Tensor, "neurons frames"]
    absolute: Float[Tensor, "neurons frames"]
    minimum: Float[Tensor, "neurons frames"]
    maximum: Float[Tensor, "neurons frames"]
    clusters: Float[Tensor, "neurons frames clusters"]
    pixels: Float[Tensor, "frames height width"]
    xlogx: Float[Tensor, "frames height width"]
    changes: Float[Tensor, "transitions height width"]
    bin_counts: Int[Tensor, "frames bins"]
    bin_lows: Int[Tensor, "frames bins"]

    @classmethod
    def zeros(
        cls, neurons: int, frames: int, shape: tuple[int, int], clusters: int, device: torch.device
    ) -> "Sums":
        """The state before any chunk."""

        def floats(*size: int) -> Tensor:
            return torch.zeros(size, dtype=torch.float64, device=device)

        def integers(*size: int) -> Tensor:
            return torch.zeros(size, dtype=torch.long, device=device)

        return cls(
            signed=floats(neurons, frames),
            absolute=floats(neurons, frames),
            minimum=floats(neurons, frames),
            maximum=floats(neurons, frames),
            clusters=floats(neurons, frames, clusters),
            pixels=floats(frames, *shape),
            xlogx=floats(frames, *shape),
            changes=floats(frames - 1, *shape),
            bin_counts=integers(frames, BINS),
            bin_lows=integers(frames, BINS),
        )

    def update(self, slots: Slots, maps: Maps, partitions: Partitions) -> None:
        """Add a chunk's maps; ``slots`` are their indices along the neuron axis."""
        maps = maps.float() if maps.dtype in (torch.bfloat16, torch.float16) else maps
        sizes = maps.abs()
        self.signed[slots] = maps.sum((2, 3), dtype=torch.float64)
        self.absolute[slots] = sizes.sum((2, 3), dtype=torch.float64)
        self.minimum[slots] = sizes.amin((2, 3)).double()
        self.maximum[slots] = sizes.amax((2, 3)).double()
        self.clusters[slots] = _cluster_sums(sizes, partitions)
        self.pixels.add_(sizes.sum(0, dtype=torch.float64))
        self.xlogx.add_(torch.xlogy(sizes, sizes).sum(0, dtype=torch.float64))
        self.changes.add_(sizes.diff(dim=1).abs_().sum(0, dtype=torch.float64))
        bits = float_bits(sizes)
        for frame in range(bits.shape[1]):
            here = bits[:, frame].flatten().long()
            lows = here & ((1 << LOW_BITS) - 1)
            bins = here >> LOW_BITS
            self.bin_counts[frame].scatter_add_(0, bins, torch.ones_like(bins))
            self.bin_lows[frame].scatter_add_(0, bins, lows)

    def cumulative(self) -> Float[Tensor, "frames bins"]:
        """Σ|c| of all values up to and including each bin."""
        low, step = _bin_edges(self.pixels.device)
        return (self.bin_counts * low + self.bin_lows * step).cumsum(1)

    @property
    def entropy(self) -> Float[Tensor, "frames height width"]:
        """Entropy of the shares s = |c| / Σ|c|: −Σ s·ln s = ln Σ|c| − Σ|c|·ln|c| / Σ|c|, in one pass."""
        total = self.pixels.where(self.pixels > 0, 1.0)
        return (total.log() - self.xlogx / total).where(self.pixels > 0, 0.0).clamp(min=0)

    def curve(self, points: int) -> Float[Tensor, "frames points"]:
        """|c| at evenly spaced ranks, interpolated within a bin."""
        low, step = _bin_edges(self.pixels.device)
        ranks = torch.linspace(0, 1, points, dtype=torch.float64, device=low.device)
        cumulative = self.bin_counts.cumsum(1).double()
        ranks = ranks * (cumulative[:, -1:] - 1)
        bins = torch.searchsorted(cumulative, ranks, right=True).clamp(max=BINS - 1)
        inside = cumulative.gather(1, bins) - ranks
        counts = self.bin_counts.gather(1, bins).clamp(min=1)
        values = low[bins] + step[bins] * (1 << LOW_BITS) * (1 - inside / counts).clamp(0, 1)
        # The ends are known exactly.
        return values.clamp(self.minimum.amin(0)[:, None], self.maximum.amax(0)[:, None])


@dataclass(frozen=True)
class Refinement(State):
    """State of the second pass: counts of the low bits in each threshold's bin."""

    counts: Int[Tensor, "thresholds frames lows"]

    @classmethod
    def zeros(cls, brackets: Int[Tensor, "thresholds frames"]) -> "Refinement":
        """The state before any chunk."""
        return cls(brackets.new_zeros(*brackets.shape, 1 << LOW_BITS))

    def update(self, maps: Maps, brackets: Int[Tensor, "thresholds frames"]) -> None:
        """Count a chunk's values in each bracket."""
        bits = float_bits(maps.abs())
        for t, frame in product(*map(range, brackets.shape)):
            here = bits[:, frame].flatten()
            inside = (here >> LOW_BITS) == brackets[t, frame]
            lows = (here & ((1 << LOW_BITS) - 1)).long()
            self.counts[t, frame].scatter_add_(0, lows, inside.long())

    def tau(
        self,
        cumulative: Float[Tensor, "frames bins"],
        brackets: Int[Tensor, "thresholds frames"],
        fractions: Sequence[float],
    ) -> Float[Tensor, "thresholds frames"]:
        """The thresholds τ_x: the smallest |c| up to which contributions hold the fraction x of Σ|c|."""
        low, step = _bin_edges(self.counts.device)
        before = torch.nn.functional.pad(cumulative, (1, 0))
        total = before[:, -1]
        offsets = torch.arange(1 << LOW_BITS, dtype=torch.float64, device=low.device)
        tau = []
        for x, bins, counts in zip(fractions, brackets, self.counts, strict=True):
            values = low[bins, None] + step[bins, None] * offsets
            held = before.gather(1, bins[:, None])[:, 0]
            found = _crossing((counts * values).cumsum(1), x * total - held)
            # Rounding may put the crossing behind the last value; take the largest that occurs.
            largest = ((counts > 0) * torch.arange(1 << LOW_BITS, device=low.device)).amax(1)
            tau.append(values.gather(1, torch.minimum(found, largest)[:, None])[:, 0])
        return torch.stack(tau)


@dataclass(frozen=True)
class Counts(State):
    """State of the third pass."""

    disjoint = frozenset({"pixels"})

    pixels: Int[Tensor, "neurons frames"]
    above: Int[Tensor, "thresholds frames height width"]

    @classmethod
    def zeros(cls, sums: Sums, thresholds: int) -> "Counts":
        """The state before any chunk."""
        pixels = torch.zeros_like(sums.signed, dtype=torch.long)
        return cls(pixels, torch.zeros_like(sums.pixels, dtype=torch.int32).repeat(thresholds, 1, 1, 1))

    def update(
        self,
        slots: Slots,
        maps: Maps,
        limits: Float[Tensor, "frames height width"],
        tau: Float[Tensor, "thresholds frames"],
    ) -> None:
        """Count a chunk's pixels and neurons."""
        sizes = maps.abs()
        self.pixels[slots] = (sizes > limits).sum((2, 3))
        for above, threshold in zip(self.above, tau.float(), strict=True):
            above.add_((sizes.float() > threshold[:, None, None]).sum(0))


def share_limits(pixels: Float[Tensor, "frames height width"], neurons: int, dtype: torch.dtype) -> Tensor:
    """The largest number q of ``dtype`` with q / Σ|c| ≤ 1 / N at each pixel, so that c > q is exact."""
    limits = (pixels / neurons).to(dtype)
    return limits.where(limits.double() * neurons <= pixels, limits.nextafter(torch.zeros_like(limits)))


def find_brackets(
    cumulative: Float[Tensor, "frames bins"], fractions: Sequence[float]
) -> Int[Tensor, "thresholds frames"]:
    """The histogram bin in which each threshold lies."""
    return torch.stack([_crossing(cumulative, x * cumulative[:, -1]) for x in fractions])


def float_bits(sizes: Tensor) -> Int[Tensor, "..."]:
    """Bits of non-negative values as float32, which order as the values do."""
    return sizes.float().contiguous().view(torch.int32)


def _bin_edges(device: torch.device) -> tuple[Float[Tensor, " bins"], Float[Tensor, " bins"]]:
    """The smallest value of each bin, and the step from one value to the next."""
    first = torch.arange(BINS, dtype=torch.int32, device=device) << LOW_BITS
    low = first.view(torch.float32).double()
    finite = first < 0x7F800000  # bins of infinity and NaN stay empty
    step = (first + 1).view(torch.float32).double() - low
    return low.where(finite, 0.0), step.where(finite, 0.0)


def _crossing(
    cumulative: Float[Tensor, "frames n"], target: Float[Tensor, " frames"]
) -> Int[Tensor, " frames"]:
    """First position at which a cumulative sum reaches the target."""
    return torch.searchsorted(cumulative, target[:, None])[:, 0].clamp(max=cumulative.shape[1] - 1)


def _cluster_sums(sizes: Maps, partitions: Partitions) -> Float[Tensor, "n frames clusters"]:
    """Σ|c| over each cluster as products with one-hot labels, a block of pixels at a time."""
    sums = sizes.new_zeros(*sizes.shape[:2], partitions.clusters, dtype=torch.float64)
    if not partitions.clusters:
        return sums
    labels = partitions.labels.flatten(1, 2)
    pixels = sizes.flatten(2)
    for frame in range(sizes.shape[1]):
        blocks = torch.split(pixels[:, frame], ONE_HOT_PIXELS, 1)
        for block, here in zip(blocks, torch.split(labels[frame], ONE_HOT_PIXELS), strict=True):
            one_hot = block.new_zeros(len(here), partitions.clusters).scatter_(1, here, 1)
            sums[:, frame] += block @ one_hot
    return sums
