"""Animations of maps over training: only what the network changes moves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xinc_lightning.figures.contribution_maps import COLUMNS, new_sheet
from xinc_lightning.figures.renderer import rasterize
from xinc_lightning.figures.style import (
    COLOUR_BAR,
    SEQUENTIAL,
    literal,
    new_figure,
    picture_size,
    scale_of,
    show,
    upper_limit,
)


@dataclass(frozen=True)
class HeatMaps:
    """One row of an animation of heat maps.

    Attributes:
        label: what the colours mean.
        maps: by layer, [epochs, height, width].
        shared: whether the layers share one colour scale.
    """

    label: str
    maps: dict[str, np.ndarray]
    shared: bool


def film_of_neurons(
    maps: np.ndarray, totals: np.ndarray, labels: Sequence[str], titles: Sequence[str]
) -> Iterator[np.ndarray]:
    """One animation frame per epoch: the layer's Σ|c|, and the same neurons with one colour scale for all epochs.

    Args:
        maps: [epochs, neurons, height, width].
        totals: [epochs, height, width].
        labels: what identifies each neuron.
        titles: one per epoch, with epoch and PSNR.

    Yields:
        [height, width, 3] bytes, all of one size.
    """
    figure, left, right, rows = new_sheet(totals.shape[1:], labels, titles[0])
    axes = left.subplots()
    total = show(axes, totals[0], "Σ|c| of the layer", cmap=SEQUENTIAL, vmin=0, vmax=_limit(totals))
    left.colorbar(
        total,
        ax=axes,
        location="bottom",
        shrink=0.9,
        fraction=0.08,  # a larger one would push the label off the figure
        extend="max",
        label="Σ|contribution|",
    )
    grid = right.subplots(rows, COLUMNS, squeeze=False)
    for empty in grid.flat[len(labels) :]:
        empty.axis("off")
    scale = scale_of(maps)
    drawn = [show(a, m, label, **scale) for a, m, label in zip(grid.flat, maps[0], labels, strict=False)]
    right.colorbar(
        drawn[0], ax=grid, shrink=0.7, extend="both", label="contribution c (one scale for all epochs)"
    )
    yield from _frames(figure, titles, [(total, totals), *zip(drawn, maps.swapaxes(0, 1), strict=True)])


def film_of_heat_maps(rows: Sequence[HeatMaps], titles: Sequence[str]) -> Iterator[np.ndarray]:
    """One animation frame per epoch: a column per layer, a row per kind of heat map, with fixed colour scales.

    Args:
        rows: from top to bottom; at least one.
        titles: one per epoch, with epoch and PSNR.

    Yields:
        [height, width, 3] bytes, all of one size.
    """
    layers = list(dict.fromkeys(layer for row in rows for layer in row.maps))
    wide, high = picture_size(next(iter(rows[0].maps.values())).shape[1:], 2.6, 2.8)
    place = max(wide, 1.4)  # leaves room for colour bars
    figure = new_figure(
        len(layers) * place + 1.2, len(rows) * (max(high, COLOUR_BAR) + 0.35) + 0.7, titles[0]
    )
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
        figure.suptitle(title, fontsize=12, wrap=True)
        for drawn, pictures in changing:
            drawn.set_data(pictures[number])
        yield rasterize(literal(figure))
        figure.set_layout_engine("none")  # the layout of the first frame is kept


def _limit(maps: np.ndarray) -> float:
    return upper_limit(maps, 0.995)
