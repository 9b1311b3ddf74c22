"""Figure of pruning curves: PSNR over the share of kernels that is kept, and over the bytes of the file."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from xinc_lightning.figures.style import COLOURS, MARKERS, STYLES, Figure, new_figure

WIDTH, HEIGHT = 11.0, 4.6
"""Inches."""


def pruning_curves(values: Mapping[str, np.ndarray], methods: Sequence[str], title: str) -> Figure:
    """Mean over runs as a line, the runs' range as a band; a colour for each score, a line for each allocation.

    Args:
        values: ``kernels`` (share kept), ``bytes`` and ``psnr``, each [runs, methods, shares].
        methods: names of the methods, ``score:allocation``.
        title: of the figure.
    """
    figure = new_figure(WIDTH, HEIGHT, title)
    left, right = figure.subplots(1, 2, sharey=True)
    scores, allocations = (list(dict.fromkeys(parts)) for parts in zip(*map(_parts, methods), strict=True))
    for number, method in enumerate(methods):
        score, allocation = _parts(method)
        style = {
            "color": COLOURS[scores.index(score) % len(COLOURS)],
            "linestyle": STYLES[allocations.index(allocation) % len(STYLES)],
            "marker": MARKERS[number % len(MARKERS)],
            "markersize": 4,
            "label": method,
        }
        _curve(left, 100 * values["kernels"][:, number], values["psnr"][:, number], style)
        _curve(right, values["bytes"][:, number] / 1000, values["psnr"][:, number], style)
    left.set_xlabel("kernels kept (%)")
    left.set_ylabel("PSNR of the file's frames (dB)")
    right.set_xlabel("file (kB)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    left.invert_xaxis()
    right.invert_xaxis()
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8)
    return figure


def _parts(method: str) -> tuple[str, str]:
    score, _, allocation = method.partition(":")
    return score, allocation


def _curve(axes: Axes, x: np.ndarray, y: np.ndarray, style: Mapping[str, Any]) -> None:
    """[runs, points] as their mean and range."""
    axes.plot(x.mean(0), y.mean(0), **style)
    if len(y) > 1:
        axes.fill_between(x.mean(0), y.min(0), y.max(0), color=style["color"], alpha=0.2, linewidth=0)
