"""The neurons that contribute most to each cell of a frame, found in one pass over a stream of maps."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


@dataclass(frozen=True)
class Strongest:
    """The neurons of a layer with the largest Σ|c| over each cell of one frame.

    A cell is a square of pixels, cut off at the right and lower edges of the frame.

    Args:
        cell: side of a cell in pixels; 1 for the pixels themselves.
        neurons: indices, the strongest first, ties by index; -1 where fewer neurons contribute.
        sums: their Σ|c| over the cell's pixels.
        totals: Σ|c| of all neurons over the cell's pixels.
    """

    cell: int
    neurons: Int[Tensor, "rows cols k"]
    sums: Float[Tensor, "rows cols k"]
    totals: Float[Tensor, "rows cols"]

    @classmethod
    def nothing(cls, shape: tuple[int, int], cell: int, count: int, device: torch.device) -> "Strongest":
        """The state before any map of this height and width."""
        rows, cols = (-(-side // cell) for side in shape)
        return cls(
            cell,
            torch.full((rows, cols, count), -1, device=device),
            torch.zeros(rows, cols, count, device=device),
            torch.zeros(rows, cols, dtype=torch.float64, device=device),
        )

    @property
    def shares(self) -> Float[Tensor, "rows cols k"]:
        """The neurons' shares of their cell's total; 0 where nothing contributes."""
        totals = self.totals[..., None]
        return self.sums / totals.where(totals != 0, 1.0)

    def with_maps(self, indices: Int[Tensor, " n"], maps: Float[Tensor, "n height width"]) -> "Strongest":
        """The state after the maps of further neurons."""
        sums = cell_sums(maps, self.cell)
        return self._best(
            torch.cat([self.neurons, indices.expand(*sums.shape[1:], -1)], -1),
            torch.cat([self.sums, sums.permute(1, 2, 0)], -1),
            self.totals + sums.sum(0, dtype=torch.float64),
        )

    def merged(self, parts: Iterable["Strongest"]) -> "Strongest":
        """This state merged with those of other neurons."""
        return reduce(
            lambda a, b: a._best(
                torch.cat([a.neurons, b.neurons], -1), torch.cat([a.sums, b.sums], -1), a.totals + b.totals
            ),
            parts,
            self,
        )

    def _best(self, neurons: Tensor, sums: Tensor, totals: Tensor) -> "Strongest":
        """The strongest candidates: sorted by index first, so that ties stay in order."""
        contributing = sums > 0  # False for NaN
        neurons, order = neurons.where(contributing, torch.iinfo(torch.long).max).sort(-1)
        sums, places = (
            sums.where(contributing, 0).gather(-1, order).sort(dim=-1, descending=True, stable=True)
        )
        count = self.neurons.shape[-1]
        sums, neurons = sums[..., :count], neurons.gather(-1, places)[..., :count]
        return Strongest(self.cell, neurons.where(sums > 0, -1), sums, totals)


def cell_sums(maps: Float[Tensor, "n height width"], cell: int) -> Float[Tensor, "n rows cols"]:
    """Σ|c| over each cell, in float32 or better.

    >>> cell_sums(torch.tensor([[[1.0, -2.0, 4.0], [0.0, 1.0, 1.0]]]), 2)
    tensor([[[4., 5.]]])
    """
    height, width = maps.shape[1:]
    sizes = (maps if maps.dtype == torch.float64 else maps.float()).abs()
    padded = F.pad(sizes, (0, -width % cell, 0, -height % cell))
    rows, cols = padded.shape[1] // cell, padded.shape[2] // cell
    return padded.reshape(-1, rows, cell, cols, cell).sum((2, 4))


def cell_areas(shape: tuple[int, int], cell: int) -> Int[Tensor, "rows cols"]:
    """Pixels of each cell of a frame of this height and width.

    >>> cell_areas((2, 3), 2)
    tensor([[4, 2]])
    """
    rows, cols = (torch.bincount(torch.arange(side) // cell) for side in shape)
    return rows[:, None] * cols
