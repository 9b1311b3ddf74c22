"""Layouts of the paper's figures only: one layer per row, neurons of several seeds with their maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from xinc_lightning.analyses import SharedEmbedding
from xinc_lightning.figures.style import (
    COLOURS,
    MARKERS,
    SEQUENTIAL,
    new_figure,
    picture_size,
    scale_of,
    show,
)


@dataclass(frozen=True)
class SampledMaps:
    """Some neurons of one layer.

    Attributes:
        layer: name of the layer.
        labels: [n] what identifies each neuron.
        maps: [n, height, width] contribution maps.
    """

    layer: str
    labels: tuple[str, ...]
    maps: np.ndarray


def maps_by_layer(rows: Sequence[SampledMaps], frame: np.ndarray, title: str) -> Figure:
    """One row per layer: the frame, then maps of its neurons with the layer's colour scale (Figs 3, 11).

    Args:
        rows: the layers, from top to bottom.
        frame: [height, width, 3] in [0, 1].
        title: of the figure.
    """
    columns = 1 + max(len(row.maps) for row in rows)
    _, high = picture_size(frame.shape, 2.2, 3.5)
    figure = new_figure(2.2 * columns + 1, len(rows) * (max(high, 0.8) + 0.35) + 0.7, title)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes, row in zip(grid, rows, strict=True):
        show(axes[0], frame.clip(0, 1), row.layer)
        scale = scale_of(row.maps)
        for empty in axes[1 + len(row.maps) :]:
            empty.axis("off")
        for one, image, label in zip(axes[1:], row.maps, row.labels, strict=False):
            drawn = show(one, image, label, **scale)
        figure.colorbar(drawn, ax=axes, shrink=0.8, extend="both")
    return figure


def embedding_with_maps(
    panel: SharedEmbedding, shown: np.ndarray, labels: Sequence[str], maps: np.ndarray, title: str
) -> Figure:
    """Neurons of several seeds in one embedding, and the maps of the numbered ones (Fig 10).

    Args:
        panel: the embedding.
        shown: [m] indices, among the embedding's neurons, of those whose maps are shown.
        labels: [m] what identifies them.
        maps: [m, height, width] in [0, 1].
        title: of the figure.
    """
    _, high = picture_size(maps.shape[1:], 2.2, 3.5)
    columns = 3
    rows = -(-len(maps) // columns)
    figure = new_figure(5.5 + 2.2 * columns, max(rows * (max(high, 0.8) + 0.35), 4.5) + 0.8, title)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[5.5, 2.2 * columns]))
    scatter = left.subplots()
    scatter.set_xticks([])
    scatter.set_yticks([])
    for number, group in enumerate(panel.groups):
        here = panel.positions[panel.members == number]
        style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
        scatter.scatter(*here.T, s=20, lw=0, alpha=0.7, label=f"seed {group}", **style)
    for number, place in enumerate(shown, start=1):
        circle = {"boxstyle": "circle,pad=0.15", "fc": "white", "ec": "black", "lw": 0.6, "alpha": 0.85}
        scatter.annotate(
            str(number), panel.positions[place], fontsize=7, ha="center", va="center", bbox=circle
        )
    scatter.legend(fontsize=8)
    grid = right.subplots(rows, columns, squeeze=False)
    for empty in grid.flat[len(maps) :]:
        empty.axis("off")
    for number, (axes, image, label) in enumerate(zip(grid.flat, maps, labels, strict=False), start=1):
        show(axes, image, f"{number}: {label}", cmap=SEQUENTIAL, vmin=0, vmax=1)
    return figure
