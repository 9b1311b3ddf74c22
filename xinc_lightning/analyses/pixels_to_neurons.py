"""The neurons that contribute most to a place in the frame, and those that favour a segment (§4.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from jaxtyping import Float, Int

from xinc_lightning.analyses.result import Result
from xinc_lightning.canvas import FrameCanvas, FrameStatistics
from xinc_lightning.canvas.strongest import Strongest, cell_areas


@dataclass(frozen=True)
class PixelsToNeuronsResult(Result):
    """The neurons of one layer that contribute most to each cell of a frame; a cell is a square of pixels.

    Attributes:
        kernels: kernels of each input channel, by which a neuron's index is divided; 0 for a linear layer.
        cell: side of a cell in pixels, cut off at the right and lower edges.
        top: [rows, cols, k] indices of the strongest neurons, the strongest first; -1 where fewer contribute.
        shares: [rows, cols, k] their Σ|c| over the cell's pixels, as a share of all neurons'.
        totals: [rows, cols] Σ|c| of all neurons, mean over the cell's pixels.
        neurons: [neurons] indices of all analysed neurons.
        contributions: [neurons] their Σ|c| over the frame.
        kept: [m] neurons whose maps are saved.
        maps: [m, rows, cols] their |c|, mean over each cell's pixels.
        favourites: [segments, f] neurons whose mean |c| is larger in the segment than elsewhere, those with the
            largest ratio first; -1 where there are fewer.
        preferences: [segments, f] their mean |c| in the segment over their mean |c| in the frame.
    """

    analysis = "pixels_to_neurons"

    kernels: int
    cell: int
    top: Int[np.ndarray, "rows cols k"]
    shares: Float[np.ndarray, "rows cols k"]
    totals: Float[np.ndarray, "rows cols"]
    neurons: Int[np.ndarray, " neurons"]
    contributions: Float[np.ndarray, " neurons"]
    kept: Int[np.ndarray, " m"]
    maps: Float[np.ndarray, "m rows cols"]
    favourites: Int[np.ndarray, "segments f"]
    preferences: Float[np.ndarray, "segments f"]

    def at(
        self, row: int, col: int
    ) -> tuple[Int[np.ndarray, " contributing"], Float[np.ndarray, " contributing"]]:
        """Strongest neurons and their shares at the cell in which a pixel lies."""
        place = (row // self.cell, col // self.cell)
        contributing = self.top[place] >= 0
        return self.top[place][contributing], self.shares[place][contributing]

    def scalars(self) -> dict[str, float]:
        """Share of the strongest neurons at the average cell, and number of neurons that are strongest at some cell."""
        strongest = self.top[..., 0]
        return {
            f"top{self.top.shape[-1]}_share": float(self.shares.sum(-1).mean()),
            "strongest_somewhere": float(len(np.unique(strongest[strongest >= 0])) / len(self.neurons)),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """All attributes; maps as bytes, where 255 is each map's entry in ``scales``."""
        finite = np.nan_to_num(self.maps, posinf=0)
        scales = finite.max((1, 2), initial=0)
        levels = finite / np.where(scales > 0, scales, 1)[:, None, None] * 255
        return {
            **super().arrays(),
            "top": self.top.astype(np.int32),
            "maps": levels.round().astype(np.uint8),
            "scales": scales,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "PixelsToNeuronsResult":
        """Restore a saved result, its maps up to 1/255 of their largest values."""
        maps = arrays["maps"] * (arrays["scales"][:, None, None] / 255)
        return super().from_arrays({**arrays, "maps": maps.astype(np.float32)})


def pixels_to_neurons(
    layer: FrameCanvas,
    statistics: FrameStatistics,
    cell: int = 4,
    count: int = 8,
    keep: int = 224,
    earlier: Sequence[int] = (),
    segments: str | None = None,
) -> PixelsToNeuronsResult:
    """Find the strongest neurons of every cell, and the maps of the most frequent ones.

    Args:
        layer: the layer's canvas at one frame.
        statistics: its reductions; neurons that they exclude are excluded here, too.
        cell: side of a cell in pixels, see :func:`cell_side`.
        count: neurons per cell, and per segment.
        keep: number of maps to save: of neurons that favour a segment, then of those that are among the strongest at
            most cells; all maps of a smaller layer.
        earlier: neurons whose maps were saved at an earlier epoch, by priority; up to half as many maps more are
            saved for these, so that they can be followed.
        segments: name of the partition of the frame into segments, whose cluster 0 is no segment.
    """
    strongest = layer.strongest(cell, count, statistics.neurons)
    areas = cell_areas(layer.shape, cell).to(strongest.totals.device)
    favourites, preferences = favourites_of(statistics, segments, count)
    wanted = [*favourites[favourites >= 0].tolist(), *most_seen(strongest, keep)]
    if len(statistics.neurons) <= keep:
        wanted += statistics.neurons.tolist()
    kept = list(dict.fromkeys(wanted))[:keep]
    kept += [neuron for neuron in earlier if neuron not in set(kept)][: keep // 2]
    kernels = int(layer.labels["kernel"].max()) + 1 if "kernel" in layer.labels else 0
    return PixelsToNeuronsResult(
        layer=layer.name,
        kernels=kernels,
        cell=cell,
        top=strongest.neurons.cpu().numpy(),
        shares=strongest.shares.float().cpu().numpy(),
        totals=(strongest.totals / areas).float().cpu().numpy(),
        neurons=statistics.neurons.cpu().numpy(),
        contributions=statistics.absolute_sum.float().cpu().numpy(),
        kept=np.array(kept, dtype=np.int64),
        maps=_cell_means(layer, kept, cell),
        favourites=favourites,
        preferences=preferences,
    )


def cell_side(height: int, width: int, cells: int = 2048) -> int:
    """The smallest side of square cells of which at most ``cells`` cover the frame.

    >>> cell_side(128, 256), cell_side(16, 32), cell_side(720, 1280)
    (4, 1, 22)
    """
    side = 1
    while ceil(height / side) * ceil(width / side) > cells:
        side += 1
    return side


def most_seen(strongest: Strongest, count: int) -> list[int]:
    """The neurons with the largest sum of shares over the cells where they are among the strongest.

    Args:
        strongest: of every cell.
        count: at most so many.
    """
    neurons, shares = strongest.neurons.cpu().numpy(), strongest.shares.cpu().numpy()
    here = neurons >= 0
    found, places = np.unique(neurons[here], return_inverse=True)
    seen = np.bincount(places, np.nan_to_num(shares[here]), len(found))
    return [int(neuron) for neuron in found[np.argsort(-seen, kind="stable")[:count]]]


def _cell_means(layer: FrameCanvas, neurons: Sequence[int], cell: int) -> Float[np.ndarray, "n rows cols"]:
    height, width = layer.shape
    areas = cell_areas(layer.shape, cell)
    if not neurons:
        return np.zeros((0, *areas.shape), np.float32)
    cells = torch.arange(areas.numel()).reshape(areas.shape)
    labels = cells.repeat_interleave(cell, 0).repeat_interleave(cell, 1)[:height, :width]
    sums = layer.reduce({"cells": labels}, thresholds=(), neurons=neurons).cluster_sums["cells"]
    means: np.ndarray = (sums.cpu() / areas.flatten()).float().reshape(-1, *areas.shape).numpy()
    return means


def favourites_of(
    statistics: FrameStatistics, partition: str | None, count: int
) -> tuple[Int[np.ndarray, "segments f"], Float[np.ndarray, "segments f"]]:
    """Of the half of the layer that contributes most, the neurons that favour each segment most.

    Args:
        statistics: reductions of a layer at a frame.
        partition: name of its partition into segments, whose cluster 0 is no segment; None for none.
        count: at most so many neurons a segment.

    Returns:
        Attributes ``favourites`` and ``preferences`` of :class:`PixelsToNeuronsResult`.
    """
    if partition is None:
        return np.full((0, count), -1), np.zeros((0, count))
    areas = statistics.cluster_areas[partition]
    totals = statistics.absolute_sum
    means = totals / areas.sum()
    density = statistics.cluster_sums[partition] / areas.clamp(min=1)
    preference = density / means.where(means > 0, 1.0)[:, None]
    eligible = (totals >= totals.median()) & (totals > 0)
    preference = preference.where(eligible[:, None] & (areas > 0), 0.0).T[1:]
    values, places = preference.sort(dim=1, descending=True, stable=True)
    values, places = values[:, :count], places[:, :count]
    neurons = statistics.neurons[places].where(values > 1, -1)
    return neurons.cpu().numpy(), values.cpu().numpy()
