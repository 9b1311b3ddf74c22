"""Values of many clips: a dot a clip, small dots for its seeds, and the mean with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import StrMethodFormatter

from xinc_lightning.figures.style import COLOURS, LARGEST, MARKERS, Figure, new_figure
from xinc_lightning.text import printable

COLUMNS = 3
WIDTH, ROW, HEAD = 5.2, 0.3, 1.1
"""Inches: of a panel, of each of its rows, and of its title and axis."""

MOST_NAMED = 12
"""Clips with a marker and a colour of their own, and a line in the legend; of more all are grey dots."""

MANY = "0.45"
"""Colour of the dots of many clips."""

LOGARITHMIC = 30
"""Ratio of the largest to the smallest factor beyond which their axis is logarithmic."""


@dataclass(frozen=True)
class DotRow:
    """One group of clips.

    Attributes:
        label: what they have in common.
        values: [n] numbers, of seeds of clips.
        clips: [n] the clip of each, by its place in the legend.
        mean: over clips.
        low: end of the mean's interval; NaN if there is none.
        high: likewise.
        note: at the right, such as a verdict.
    """

    label: str
    values: Sequence[float]
    clips: Sequence[int]
    mean: float
    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class DotPanel:
    """One pair of axes.

    Attributes:
        title: of the axes.
        rows: from the top.
        x: label of the horizontal axis.
        bounds: vertical lines, such as what would agree with a finding; infinite ones are left out.
        factor: whether values are ratios.
    """

    title: str
    rows: Sequence[DotRow]
    x: str = ""
    bounds: Sequence[float] = ()
    factor: bool = False


def dots_of_clips(panels: Sequence[DotPanel], clips: Sequence[str], title: str) -> Figure:
    """A grid of panels in which each clip has its colour and marker.

    Args:
        panels: at least one.
        clips: names of the clips.
        title: of the figure.
    """
    columns = min(COLUMNS, len(panels))
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [HEAD + ROW * max(len(panel.rows) for panel in row) for row in rows]
    named = len(clips) <= MOST_NAMED
    seeds = any(len(set(row.clips)) < len(row.clips) for panel in panels for row in panel.rows)
    legend = 0.25 * (1 + ceil(len(clips) / (3 * columns)) * named)
    figure = new_figure(WIDTH * columns, sum(heights) + legend + 0.5, title)
    grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    for axes, panel in zip(grid.flat, panels, strict=False):
        _panel(axes, panel, named)
    handles = [_handle(number) for number in range(len(clips))] if named else []
    names = [*clips] if named else []
    handles += [
        *([] if named else [Line2D([], [], color=MANY, marker="o", lw=0, markersize=4)]),
        *([Line2D([], [], color="0.6", marker=".", lw=0, markersize=4)] if seeds else []),
        Line2D([], [], color="black", marker="|", markersize=9, lw=1.6),
    ]
    names += [] if named else [f"one of {len(clips)} clips"]
    names += [*(["one seed"] if seeds else []), "mean over clips, 95 %"]
    figure.legend(handles, names, loc="outside lower center", ncols=2 * columns, frameon=False, fontsize=8)
    return figure


def _panel(axes: Axes, panel: DotPanel, named: bool) -> None:
    for height, row in enumerate(panel.rows):
        _row(axes, row, height, named)
    axes.set_title(panel.title, fontsize=9)
    axes.set_xlabel(panel.x, fontsize=8)
    axes.set_yticks(range(len(panel.rows)), [printable(row.label) for row in panel.rows], fontsize=8)
    axes.set_ylim(len(panel.rows) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    positive = [value for row in panel.rows for value in row.values if value > 0]
    if panel.factor and positive and max(positive) > LOGARITHMIC * min(positive):
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    for bound in panel.bounds:
        if np.isfinite(bound):
            axes.axvline(bound, color=COLOURS[2], lw=1, ls="--", zorder=0)
    if any(row.note for row in panel.rows):
        notes = axes.secondary_yaxis("right")
        notes.set_yticks(range(len(panel.rows)), [row.note for row in panel.rows], fontsize=8)
        notes.tick_params(length=0)


def _row(axes: Axes, row: DotRow, height: int, named: bool) -> None:
    """Clips lie below each other within the row, so that equal values do not hide one another."""
    values, clips = np.asarray(row.values, float), np.asarray(row.clips)
    shown = np.abs(values) < LARGEST
    values, clips = values[shown], clips[shown]
    members = np.unique(clips)
    for place, clip in enumerate(members):
        own = values[clips == clip]
        y = height + 0.3 * (2 * (place + 0.5) / len(members) - 1)
        if len(own) > 1:
            axes.plot(own, np.full(len(own), y), ".", color="0.6", markersize=3, zorder=1)
        style = _handle(int(clip)) if named else Line2D([], [], color=MANY, marker="o", markersize=3)
        axes.plot(
            [own.mean()],
            [y],
            color=style.get_color(),
            marker=style.get_marker(),
            markersize=style.get_markersize(),
            zorder=2,
        )
    ends = np.array([row.low, row.mean, row.high])
    low, mean, high = np.where(np.abs(ends) < LARGEST, ends, np.nan)
    axes.plot([low, high], [height, height], color="black", lw=1.6, zorder=3)
    axes.plot([mean], [height], marker="|", color="black", markersize=9, markeredgewidth=1.6, zorder=3)


def _handle(clip: int) -> Line2D:
    return Line2D(
        [],
        [],
        color=COLOURS[clip % len(COLOURS)],
        marker=MARKERS[clip % len(MARKERS)],
        markersize=4.5,
        lw=0,
    )
