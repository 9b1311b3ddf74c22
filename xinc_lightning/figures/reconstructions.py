"""Ground truth beside the reconstruction."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from xinc_lightning.figures.style import SEQUENTIAL, new_figure, picture_size, show, upper_limit


def truth_and_reconstruction(
    truth: np.ndarray, stored: np.ndarray, labels: Sequence[str], title: str
) -> Figure:
    """One row per frame: ground truth, reconstruction, and absolute error with one colour scale.

    Args:
        truth: [frames, height, width, 3] in [0, 1].
        stored: the reconstruction, of the same shape; clipped for display.
        labels: one per frame.
        title: of the figure.
    """
    frames = len(truth)
    wide, high = picture_size(truth.shape[1:], 3.6, 5)
    figure = new_figure(3 * (max(wide, 1.6) + 0.4), frames * (max(high, 1.2) + 0.4) + 0.6, title)
    grid = figure.subplots(frames, 3, squeeze=False)
    error = np.abs(truth - stored).mean(-1)
    limit = upper_limit(error, 0.995)
    for row, (left, middle, right) in enumerate(grid):
        show(left, truth[row].clip(0, 1), "ground truth")
        show(middle, stored[row].clip(0, 1), labels[row])
        drawn = show(right, error[row], "error", cmap=SEQUENTIAL, vmin=0, vmax=limit)
    figure.colorbar(drawn, ax=grid, shrink=0.7, extend="max", label="mean |error| over RGB")
    return figure
