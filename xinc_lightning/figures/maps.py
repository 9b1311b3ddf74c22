"""A layer's contribution maps on one sheet (Figs 1, 3, 11)."""

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
from matplotlib.figure import Figure

from xinc_lightning.analyses import ContributionMapsResult
from xinc_lightning.figures.style import SEQUENTIAL, new_figure, scale_of, show
from xinc_lightning.figures.tiles import tiles

COLUMNS = 4


def contact_sheet(result: ContributionMapsResult, frame: np.ndarray, title: str) -> Figure:
    """The frame and the layer's Σ|c| on the left, the neurons' maps in one colour scale on the right.

    Args:
        result: the maps.
        frame: [height, width, 3] the frame they paint, in [0, 1].
        title: heading, with layer, epoch and PSNR.
    """
    rows = max(ceil(len(result.maps) / COLUMNS), 2)
    height, width = result.total.shape
    cell = np.clip(2.1 * height / width, 0.6, 4.2)
    figure = new_figure(2.4 * (COLUMNS + 1.7) + 0.8, rows * (cell + 0.35) + 0.8, title)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[1.7, COLUMNS]))

    top, bottom = left.subplots(2, 1)
    show(top, frame.clip(0, 1), "frame")
    total = show(bottom, result.total, f"Σ|c| over {len(result.neuron_totals):,} neurons", cmap=SEQUENTIAL)
    left.colorbar(total, ax=bottom, location="bottom", shrink=0.9, label="Σ|contribution|")

    grid = right.subplots()
    titles = [
        f"{label}{' dead' * bool(dead)}" for label, dead in zip(result.labels, result.dead, strict=True)
    ]
    drawn = tiles(grid, list(result.maps), titles, COLUMNS, 2.2, rows, **scale_of(result.maps))
    if drawn is not None:
        right.colorbar(drawn, ax=grid, shrink=0.7, extend="both", label="contribution c (shared scale)")
    return figure


def strip_over_epochs(maps: Mapping[int, np.ndarray], labels: Sequence[str], title: str) -> Figure:
    """A row for each neuron, a column for each epoch, all in one colour scale; where it paints nothing, it is dead.

    Args:
        maps: by epoch, [neurons, height, width].
        labels: one a neuron.
        title: heading, with layer, epoch and PSNR.
    """
    stacked = np.stack(list(maps.values()), 1)
    neurons, epochs, height, width = stacked.shape
    cell = 1.2 if width >= height else 1.2 * width / height
    figure = new_figure(
        max(epochs * cell + 2.2, 5.5), max(neurons * (cell * height / width + 0.2) + 0.7, 2.2), title
    )
    axes = figure.subplots()
    alive = np.asarray(stacked.reshape(neurons, epochs, -1).any(-1))
    titles = [
        f"epoch {epoch}" + " dead" * (not a) for row in alive for epoch, a in zip(maps, row, strict=True)
    ]
    sides = [label.replace(" ", "\n") for label in labels]
    pictures = list(stacked.reshape(-1, height, width))
    drawn = tiles(axes, pictures, titles, epochs, cell, sides=sides, **scale_of(stacked))
    figure.colorbar(drawn, ax=axes, shrink=0.8, extend="both", label="contribution c")
    return figure
