"""Contribution of each layer compared with a frame's intensity and edges (Fig 5)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from xinc_lightning.analyses import ContributionVsIntensityResult
from xinc_lightning.figures.style import (
    DIVERGING,
    SEQUENTIAL,
    format_or_undefined,
    grid_size,
    new_figure,
    show,
)


def contributions_vs_intensity(
    results: Sequence[ContributionVsIntensityResult], frame: np.ndarray, title: str
) -> Figure:
    """The frame, its intensity and its edges on the left; for each layer Σ|c| and Σ|c| minus each of them.

    Args:
        results: one per layer.
        frame: [height, width, 3] in [0, 1].
        title: of the figure, with epoch and PSNR.
    """
    first = results[0]
    columns = len(results) + 1
    figure = new_figure(*grid_size(3, columns, first.intensity.shape), title)
    grid = figure.subplots(3, columns, squeeze=False)
    unit, signed = Normalize(0, 1), Normalize(-1, 1)
    show(grid[0, 0], frame.clip(0, 1), "frame")
    magnitudes = show(grid[1, 0], first.intensity, "intensity, Σ RGB", cmap=SEQUENTIAL, norm=unit)
    show(grid[2, 0], first.edges, "edges, Sobel of intensity", cmap=SEQUENTIAL, norm=unit)
    for (top, middle, bottom), result in zip(grid.T[1:], results, strict=True):
        show(top, result.contribution, f"{result.layer}: Σ|c|", cmap=SEQUENTIAL, norm=unit)
        against = f"minus intensity, r = {format_or_undefined(result.intensity_correlation, '+.2f')}"
        differences = show(middle, result.difference, against, cmap=DIVERGING, norm=signed)
        edges = result.contribution - result.edges
        show(
            bottom,
            edges,
            f"minus edges, r = {format_or_undefined(result.edge_correlation, '+.2f')}",
            cmap=DIVERGING,
            norm=signed,
        )
    figure.colorbar(magnitudes, ax=grid[0], shrink=0.9, label="normalised to [0, 1]")
    figure.colorbar(differences, ax=grid[1:], shrink=0.6, label="difference of normalised pictures")
    return figure
