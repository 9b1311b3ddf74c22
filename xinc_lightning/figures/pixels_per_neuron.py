"""At how many pixels each neuron has more than an equal share (Figs 6, 15)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from xinc_lightning.analyses import PixelsPerNeuronResult
from xinc_lightning.figures.style import COLOURS, STYLES, new_figure

POINTS = 1000
"""Common length to which the layers' curves are resampled."""


def pixels_per_neuron_curves(results: Sequence[PixelsPerNeuronResult], title: str) -> Figure:
    """One curve per layer: pixels of its neurons, sorted and resampled to a common length.

    Args:
        results: one per layer.
        title: of the figure, with epoch and PSNR.
    """
    figure = new_figure(9, 5, title)
    axes = figure.subplots()
    for i, result in enumerate(results):
        axes.plot(
            np.linspace(0, 100, POINTS),
            100 * result.curve(POINTS) / result.pixels,
            color=COLOURS[i % len(COLOURS)],
            linestyle=STYLES[i // len(COLOURS) % len(STYLES)],
            label=f"{result.layer}: {len(result.counts):,} neurons, {result.dead.sum():,} without contribution",
        )
    axes.set_xlabel("neurons of the layer, sorted (%)")
    axes.set_ylabel("pixels at which |c| exceeds an equal share (%)")
    axes.set_xlim(0, 100)
    axes.set_ylim(0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure
