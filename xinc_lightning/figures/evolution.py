"""Maps over training, frame by frame: nothing moves but what the network changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from xinc_lightning.figures.painter import rasterize
from xinc_lightning.figures.style import SEQUENTIAL, new_figure, scale_of, show

COLUMNS = 4


@dataclass(frozen=True)
class HeatMaps:
    """One row of a film of heat maps.

    Attributes:
        label: what the colours say.
        maps: by layer, [checkpoints, height, width].
        shared: whether the layers have one colour scale.
    """

    label: str
    maps: dict[str, np.ndarray]
    shared: bool


def growing_neurons(
    maps: np.ndarray, totals: np.ndarray, labels: Sequence[str], titles: Sequence[str]
) -> Iterator[np.ndarray]:
    """A picture a checkpoint: the layer's Σ|c|, and the same neurons in one colour scale for all checkpoints.

    Args:
        maps: [checkpoints, neurons, height, width].
        totals: [checkpoints, height, width].
        labels: what identifies each neuron.
        titles: heading of each checkpoint, with epoch and PSNR.

    Yields:
        [height, width, 3] bytes, all of one size.
    """
    height, width = totals.shape[1:]
    rows = max(ceil(len(labels) / COLUMNS), 2)
    cell = float(np.clip(2.1 * height / width, 0.6, 4.2))
    figure = new_figure(2.4 * (COLUMNS + 1.7) + 0.8, rows * (cell + 0.35) + 0.8, titles[0])
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[1.7, COLUMNS]))
    axes = left.subplots()
    total = show(axes, totals[0], "Σ|c| of the layer", cmap=SEQUENTIAL, vmin=0, vmax=_limit(totals))
    left.colorbar(total, ax=axes, location="bottom", shrink=0.9, extend="max", label="Σ|contribution|")
    grid = right.subplots(rows, COLUMNS, squeeze=False)
    for empty in grid.flat[len(labels) :]:
        empty.axis("off")
    scale = scale_of(maps)
    drawn = [show(a, m, label, **scale) for a, m, label in zip(grid.flat, maps[0], labels, strict=False)]
    right.colorbar(
        drawn[0], ax=grid, shrink=0.7, extend="both", label="contribution c (one scale for all epochs)"
    )
    yield from _frames(figure, titles, [(total, totals), *zip(drawn, maps.swapaxes(0, 1), strict=True)])


def growing_heat_maps(rows: Sequence[HeatMaps], titles: Sequence[str]) -> Iterator[np.ndarray]:
    """A picture a checkpoint: a column a layer, a row a kind of heat map, in colours fixed over time.

    Args:
        rows: from above; at least one.
        titles: heading of each checkpoint, with epoch and PSNR.

    Yields:
        [height, width, 3] bytes, all of one size.
    """
    layers = list(dict.fromkeys(layer for row in rows for layer in row.maps))
    height, width = next(iter(rows[0].maps.values())).shape[1:]
    cell = 2.6 if width >= height else 2.6 * width / height
    figure = new_figure(len(layers) * cell + 1.2, len(rows) * (cell * height / width + 0.35) + 0.7, titles[0])
    grid = figure.subplots(len(rows), len(layers), squeeze=False)
    changing = []
    for axes_of_row, row in zip(grid, rows, strict=True):
        common = max(_limit(maps) for maps in row.maps.values())
        for axes, layer in zip(axes_of_row, layers, strict=True):
            if layer not in row.maps:
                axes.axis("off")
                continue
            maps = row.maps[layer]
            limit = common if row.shared else _limit(maps)
            drawn = show(axes, maps[0], layer, cmap=SEQUENTIAL, vmin=0, vmax=limit)
            changing.append((drawn, maps))
            if not row.shared:
                figure.colorbar(drawn, ax=axes, shrink=0.85, extend="max")
        axes_of_row[0].set_ylabel(row.label)
        if row.shared:
            figure.colorbar(drawn, ax=axes_of_row, shrink=0.9, extend="max")
    yield from _frames(figure, titles, changing)


def _frames(
    figure: Any, titles: Sequence[str], changing: Sequence[tuple[Any, np.ndarray]]
) -> Iterator[np.ndarray]:
    for number, title in enumerate(titles):
        figure.suptitle(title, fontsize=12)
        for drawn, pictures in changing:
            drawn.set_data(pictures[number])
        yield rasterize(figure)
        figure.set_layout_engine("none")  # keep everything where it is now


def _limit(maps: np.ndarray) -> float:
    return float(np.quantile(maps, 0.995)) or float(maps.max()) or 1.0
