"""Which share of the neurons contributes notably at each pixel, and the distribution of |c| (Figs 7, 17, 18)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from xinc_lightning.analyses import NeuronsPerPixelResult
from xinc_lightning.figures.style import COLOURS, SEQUENTIAL, STYLES, grid_size, new_figure, show, upper_limit


def neurons_per_pixel_maps(results: Sequence[NeuronsPerPixelResult], frame: np.ndarray, title: str) -> Figure:
    """One column per layer: share of its neurons above each threshold, and share of effective neurons.

    Each row has one colour scale.

    Args:
        results: one per layer.
        frame: [height, width, 3] in [0, 1].
        title: of the figure, with epoch and PSNR.
    """
    thresholds = results[0].thresholds
    columns, rows = len(results) + 1, len(thresholds) + 1
    figure = new_figure(*grid_size(rows, columns, frame.shape), title)
    grid = figure.subplots(rows, columns, squeeze=False)
    show(grid[0, 0], frame.clip(0, 1), "frame")
    for axes in grid[1:, 0]:
        axes.axis("off")
    for row, x in enumerate((*thresholds, None)):
        pictures = [r.effective / r.neurons if x is None else r.share[row] for r in results]
        limit = upper_limit(np.stack(pictures), 0.999)
        for axes, result, picture in zip(grid[row, 1:], results, pictures, strict=True):
            name = f"effective: {result.effective.mean():,.0f} of {result.neurons:,}"
            if x is not None:
                name = f"|c| > τ{100 * x:g}: {100 * picture.mean():.0f} %"
            drawn = show(
                axes, 100 * picture, f"{result.layer}, {name}", cmap=SEQUENTIAL, vmin=0, vmax=100 * limit
            )
        figure.colorbar(drawn, ax=grid[row], shrink=0.9, extend="max", label="% of the neurons")
    return figure


def contribution_distributions(results: Sequence[NeuronsPerPixelResult], title: str) -> Figure:
    """One panel per layer: its |c| from the smallest to the largest, with the thresholds marked (Fig 18).

    Args:
        results: one per layer.
        title: of the figure, with epoch and PSNR.
    """
    figure = new_figure(max(3.3 * len(results), 6.6), 3.8, title)
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, result in zip(panels, results, strict=True):
        ranks = np.linspace(0, 100, len(result.curve))
        axes.fill_between(ranks, result.curve, color=COLOURS[0], alpha=0.25)
        axes.plot(ranks, result.curve, color=COLOURS[0])
        for i, (x, tau) in enumerate(zip(result.thresholds, result.tau, strict=True)):
            colour = COLOURS[1 + i % (len(COLOURS) - 1)]
            axes.axvline(100 * result.rank(i), color=colour, linestyle=STYLES[1 + i % 3])
            axes.axhline(tau, color=colour, linestyle=STYLES[1 + i % 3], label=f"τ{100 * x:g} = {tau:.3g}")
        # The axis is clipped: the few largest values would flatten the curve.
        axes.set_ylim(0, upper_limit(result.curve, 0.995) * 1.1)
        axes.set_xlim(0, 100)
        axes.set_title(f"{result.layer}, largest {result.curve[-1]:.2g}", fontsize=9)
        axes.set_xlabel("neurons × pixels, sorted (%)")
        axes.legend(loc="upper left", framealpha=1, edgecolor="none")
    panels[0].set_ylabel("contribution |c|")
    return figure
