"""Several runs on one axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from xinc_lightning.figures.style import COLOURS, LARGEST, MARKERS, STYLES, logarithmic, new_figure
from xinc_lightning.figures.tiles import LETTER_INCHES, text_width
from xinc_lightning.text import printable

IN_A_ROW = 4
"""Most runs in a row of the legend."""

WIDTH = 2.9
"""Of a panel in inches."""

TICK = 0.55
"""Width in inches of the name of a layer below a panel."""

HANDLE = 0.7
"""Width in inches of a line in the legend, with the space around it."""

LOGARITHMIC = 30
"""Positive values are shown on a logarithmic axis if the largest is so many times the smallest."""


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: of the axes.
        x: label of the horizontal axis.
        y: label of the vertical axis.
        lines: by index of the run, its points [n] and [n].
        ticks: names of the positions 0, 1, … if the horizontal axis is categorical, else empty.
    """

    title: str
    x: str
    y: str
    lines: dict[int, tuple[np.ndarray, np.ndarray]]
    ticks: tuple[str, ...] = ()


def overlay(rows: Sequence[Sequence[Panel]], runs: Sequence[str], title: str, points: bool = False) -> Figure:
    """A grid of panels in which each run has its colour, line and marker.

    Args:
        rows: the panels; a row shares the vertical scale, all share the horizontal scale.
        runs: names of the runs.
        title: of the figure.
        points: whether to show markers.
    """
    columns = max(len(row) for row in rows)
    panel_width = max(WIDTH, *(TICK * len(panel.ticks) for row in rows for panel in row))
    width = max(panel_width * columns, 7) + 0.6
    in_a_row = max(1, min(len(runs), IN_A_ROW, int(width / (text_width(runs) + HANDLE))))
    height = 3.2 if len(rows) == 1 else 2.2
    legend = 0.2 * ceil(len(runs) / in_a_row)
    lines = max(len(_in_lines(panel.title, panel_width)) for row in rows for panel in row)
    figure = new_figure(width, (height + 0.15 * (lines - 1)) * len(rows) + 0.9 + legend, title)
    grid = figure.subplots(len(rows), columns, squeeze=False, sharex=True, sharey="row")
    for number, (axes_of_row, row) in enumerate(zip(grid, rows, strict=True)):
        for axes in axes_of_row[len(row) :]:
            axes.axis("off")
        drawn = [y[np.abs(y) < LARGEST] for panel in row for _, y in panel.lines.values()]
        values = np.concatenate(drawn) if drawn else np.zeros(0)
        wide = len(values) > 0 and 0 < values.min() * LOGARITHMIC < values.max()
        for place, (axes, panel) in enumerate(zip(axes_of_row, row, strict=False)):
            for run, (given_x, given_y) in panel.lines.items():
                x, y = (np.where(np.abs(v) < LARGEST, v, np.nan) for v in (given_x, given_y))
                style = _style_of(run)
                axes.plot(x, y, **(style if points else {**style, "marker": ""}))
            axes.set_title("\n".join(_in_lines(panel.title, panel_width)), fontsize=9)
            axes.grid(alpha=0.3)
            if wide:
                logarithmic(axes)
            if panel.ticks:
                # Corresponding layers of different networks, one below the other.
                names = [printable(name).replace(" | ", "\n") for name in panel.ticks]
                axes.set_xticks(range(len(names)), names, fontsize=8)
            if place == 0:
                axes.set_ylabel(panel.y)
            if number + 1 == len(rows) or rows[number + 1][0].x != panel.x:
                axes.set_xlabel(panel.x)
                axes.tick_params(labelbottom=True)
    handles = [
        Line2D([], [], **(_style_of(run) if points else {**_style_of(run), "marker": ""}))
        for run in range(len(runs))
    ]
    figure.legend(handles, runs, loc="outside lower center", ncols=in_a_row, frameon=False)
    return figure


def _in_lines(title: str, inches: float) -> list[str]:
    """A title in lines of at most this width.

    >>> _in_lines("block4 | block2 | layer3 | layer1: gabor_seed_spread", 2.9)
    ['block4 | block2 | layer3 | layer1:', 'gabor_seed_spread']
    """
    return wrap(title, int(inches / LETTER_INCHES)) or [""]


def _style_of(run: int) -> dict[str, Any]:
    return {
        "color": COLOURS[run % len(COLOURS)],
        "linestyle": STYLES[run // len(COLOURS) % len(STYLES)],
        "marker": MARKERS[run % len(MARKERS)],
        "markersize": 4,
    }
