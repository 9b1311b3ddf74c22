"""Shares of neurons' contribution in things and stuff, over time (Figs 8, 19)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from xinc_lightning.analyses import ThingsAndStuffResult
from xinc_lightning.data import Segment
from xinc_lightning.figures.style import COLOURS, MARKERS, Figure, new_figure, show

MOST_SEGMENTS = 32
"""Only so many lines are legible; the segments with the largest area are shown."""


def shares_of_segments(
    results: Sequence[ThingsAndStuffResult], pictures: np.ndarray, masks: np.ndarray, title: str
) -> Figure:
    """A row of panels for each layer: share of every segment, over the frames or, for one frame, by neuron.

    Args:
        results: one per layer, head first.
        pictures: [frames, height, width, 3] in [0, 1].
        masks: [frames, height, width] segment ids.
        title: of the figure.
    """
    segments = results[0].segments
    areas = np.array([(masks == segment.id).sum() for segment in segments])
    drawn = np.sort(np.argsort(-areas, kind="stable")[:MOST_SEGMENTS])
    styles = _styles(segments)
    frames = results[0].frames
    moving = len(frames) > 1
    columns = max(len(result.neurons) for result in results) if moving else 1
    figure = new_figure(12, 2.4 + 2.1 * len(results), title)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[4, 1]))
    top, bottom = left.subfigures(2, 1, height_ratios=[1.6, 2.1 * len(results)])

    ends = [0, len(frames) - 1] if moving else [0]
    strip = top.subplots(1, 2 * len(ends), squeeze=False)[0]
    for axes, place in zip(strip[::2], ends, strict=True):
        show(axes, pictures[place].clip(0, 1), f"frame {frames[place]}")
    for axes, place in zip(strip[1::2], ends, strict=True):
        show(axes, _overlay(pictures[place], masks[place], segments, styles), "its segments, by category")

    grid = bottom.subplots(len(results), columns, squeeze=False, sharey=True)
    for row, result in zip(grid, results, strict=True):
        for axes in row[len(result.neurons) if moving else 1 :]:
            axes.axis("off")
        if moving:
            _over_time(row, result, drawn, styles)
        else:
            _by_neuron(row[0], result, drawn, styles)
        row[0].set_ylabel(f"{result.layer}\nshare of |c| per area, %")
    for axes in grid[-1]:
        axes.set_xlabel("frame" if moving else "neuron")
    _legend(right, segments, drawn, styles)
    return figure


def _styles(segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """A colour for each category, a marker for each instance of it; hollow markers where colours repeat."""
    categories = list(dict.fromkeys(segment.category for segment in segments))
    instances: Mapping[str, list[int]] = defaultdict(list)
    styles = []
    for place, segment in enumerate(segments):
        category = categories.index(segment.category)
        colour = COLOURS[category % len(COLOURS)]
        instances[segment.category].append(place)
        styles.append(
            {
                "color": colour,
                "marker": MARKERS[(len(instances[segment.category]) - 1) % len(MARKERS)],
                "markerfacecolor": colour if category < len(COLOURS) else "white",
                "markersize": 5,
                "linewidth": 1,
            }
        )
    return styles


def _overlay(
    picture: np.ndarray, mask: np.ndarray, segments: Sequence[Segment], styles: Sequence[Mapping[str, Any]]
) -> np.ndarray:
    grey = np.repeat(picture.mean(-1, keepdims=True), 3, axis=-1)
    mixed = grey.copy()
    for segment, style in zip(segments, styles, strict=True):
        mixed[mask == segment.id] = 0.45 * grey[mask == segment.id] + 0.55 * np.array(to_rgb(style["color"]))
    clipped: np.ndarray = mixed.clip(0, 1)
    return clipped


def _over_time(
    row: Sequence[Axes],
    result: ThingsAndStuffResult,
    drawn: np.ndarray,
    styles: Sequence[Mapping[str, Any]],
) -> None:
    for axes, label, shares in zip(row, result.labels, result.shares, strict=False):
        dead = np.isnan(shares).all()
        axes.set_title(f"neuron {label}" + " (no contribution)" * bool(dead), fontsize=9)
        axes.set_xticks(result.frames)
        for place in drawn:
            axes.plot(result.frames, 100 * shares[:, place], **styles[place])


def _by_neuron(
    axes: Axes, result: ThingsAndStuffResult, drawn: np.ndarray, styles: Sequence[Mapping[str, Any]]
) -> None:
    offsets = np.linspace(-0.35, 0.35, len(drawn)) if len(drawn) > 1 else np.zeros(1)
    for neuron, shares in enumerate(result.shares):
        for offset, place in zip(offsets, drawn, strict=True):
            axes.plot([neuron + offset], [100 * shares[0, place]], **{**styles[place], "linewidth": 0})
    axes.set_xticks(range(len(result.neurons)), result.labels)
    axes.set_xlim(-0.5, len(result.neurons) - 0.5)
    axes.grid(axis="y", alpha=0.3)


def _legend(
    part: Any, segments: Sequence[Segment], drawn: np.ndarray, styles: Sequence[Mapping[str, Any]]
) -> None:
    order = sorted(drawn, key=lambda place: (segments[place].isthing, segments[place].category), reverse=True)
    lines = [Line2D([], [], **styles[place]) for place in order]
    names = [segments[place].name + ("" if segments[place].isthing else " (stuff)") for place in order]
    left_out = len(segments) - len(drawn)
    heading = "colour: category, marker: instance" + (f"\n{left_out} smaller ones not drawn" * (left_out > 0))
    part.legend(lines, names, loc="center left", fontsize=8, title=heading, title_fontsize=8, frameon=False)
