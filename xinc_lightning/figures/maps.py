"""A layer's contribution maps on one sheet (Figs 1, 3, 11)."""

from math import ceil

import numpy as np
from matplotlib.figure import Figure

from xinc_lightning.analyses import ContributionMapsResult
from xinc_lightning.figures.style import SEQUENTIAL, new_figure, scale_of, show

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

    grid = right.subplots(rows, COLUMNS, squeeze=False)
    scale = scale_of(result.maps)
    for axes in grid.flat[len(result.maps) :]:
        axes.axis("off")
    for axes, image, label, dead in zip(grid.flat, result.maps, result.labels, result.dead, strict=False):
        drawn = show(axes, image, label + " dead" * bool(dead), **scale)
    if len(result.maps):
        right.colorbar(drawn, ax=grid, shrink=0.7, extend="both", label="contribution c (shared scale)")
    return figure
