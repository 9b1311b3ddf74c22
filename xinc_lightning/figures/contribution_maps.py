"""A layer's contribution maps on one sheet (Figs 1, 3, 11)."""

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from xinc_lightning.analyses import ContributionMapsResult
from xinc_lightning.figures.style import SEQUENTIAL, new_figure, picture_size, scale_of, show
from xinc_lightning.figures.tiles import text_width, tiles

COLUMNS = 4

PICTURE, HIGHEST = 2.1, 4.2
"""Inches of an image's width and, for a clip in portrait format, most of its height."""


def new_sheet(
    shape: Sequence[int], names: Sequence[str], title: str
) -> tuple[Figure, SubFigure, SubFigure, int]:
    """A figure, its part for the whole layer, its part for the neurons' maps, and the number of rows of maps.

    Args:
        shape: [height, width] of an image.
        names: one per neuron.
        title: of the figure.
    """
    wide, high = picture_size(shape, PICTURE, HIGHEST)
    place = max(wide, text_width(names)) + 0.3
    rows = max(ceil(len(names) / COLUMNS), 2)
    figure = new_figure(place * (COLUMNS + 1.7) + 0.8, rows * (max(high, 0.6) + 0.35) + 0.8, title)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[1.7, COLUMNS]))
    return figure, left, right, rows


def contact_sheet(result: ContributionMapsResult, frame: np.ndarray, title: str) -> Figure:
    """The frame and the layer's Σ|c| on the left, the neurons' maps with one colour scale on the right.

    Args:
        result: the maps.
        frame: [height, width, 3] the frame to which they contribute, in [0, 1].
        title: of the figure, with layer, epoch and PSNR.
    """
    titles = [
        f"{label}{' no contribution' * bool(none)}"
        for label, none in zip(result.labels, result.dead, strict=True)
    ]
    figure, left, right, rows = new_sheet(result.total.shape, titles, title)

    top, bottom = left.subplots(2, 1)
    show(top, frame.clip(0, 1), "frame")
    heading = f"Σ|c| over {len(result.neuron_totals):,} neurons"
    if none := int((result.neuron_totals == 0).sum()):
        heading += f",\n{none:,} without contribution"
        if result.inactive is not None:
            heading += f", {int(result.inactive.sum()):,} inactive"
    total = show(bottom, result.total, heading, cmap=SEQUENTIAL)
    few = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10])
    left.colorbar(total, ax=bottom, location="bottom", shrink=0.9, ticks=few, label="Σ|contribution|")

    grid = right.subplots()
    wide, _ = picture_size(result.total.shape, PICTURE, HIGHEST)
    drawn = tiles(grid, list(result.maps), titles, COLUMNS, wide + 0.1, rows, **scale_of(result.maps))
    if drawn is not None:
        right.colorbar(drawn, ax=grid, shrink=0.7, extend="both", label="contribution c (shared scale)")
    return figure


def strip_over_epochs(maps: Mapping[int, np.ndarray], labels: Sequence[str], title: str) -> Figure:
    """A row per neuron, a column per epoch, all with one colour scale; maps without contribution are marked.

    Args:
        maps: by epoch, [neurons, height, width].
        labels: one per neuron.
        title: of the figure, with layer, epoch and PSNR.
    """
    stacked = np.stack(list(maps.values()), 1)
    neurons, epochs, height, width = stacked.shape
    wide, high = picture_size((height, width), 1.2, 2)
    alive = np.asarray(stacked.reshape(neurons, epochs, -1).any(-1))
    titles = [
        f"epoch {epoch}" + " none" * (not a) for row in alive for epoch, a in zip(maps, row, strict=True)
    ]
    place = max(wide, text_width(titles))
    figure = new_figure(max(epochs * place + 2.2, 5.5), max(neurons * (high + 0.2) + 0.7, 2.2), title)
    axes = figure.subplots()
    sides = [label.replace(" ", "\n") for label in labels]
    pictures = list(stacked.reshape(-1, height, width))
    drawn = tiles(axes, pictures, titles, epochs, wide, sides=sides, **scale_of(stacked))
    figure.colorbar(drawn, ax=axes, shrink=0.8, extend="both", label="contribution c")
    return figure
