"""Grouping variance over objects, colours, textures and places (Figs 4, 16), beside its control."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xinc_lightning.analyses import GroupingVarianceResult
from xinc_lightning.figures.style import COLOURS, logarithmic, new_figure

PARTITION_COLOURS = {
    "instances": COLOURS[2],
    "rgb": COLOURS[4],
    "gabor": COLOURS[1],
    "grid": COLOURS[0],
    "lattice": COLOURS[5],
}

NULL = "#888888"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
POINTS = 1000
"""Most points of a curve, more than it has pixels on the screen."""

DECADES = 9
"""Most decades that the axes reach below the largest score."""


def grouping_variances(results: Sequence[GroupingVarianceResult], title: str) -> Figure:
    """One column per layer: sorted scores at the top; at the bottom, their quantiles beside those under shifts.

    Args:
        results: one per layer.
        title: of the figure, with epoch and PSNR.
    """
    figure = new_figure(max(3.3 * len(results), 6.6) + 0.6, 7.6, title)
    upper, lower = figure.subplots(2, len(results), sharey=True, squeeze=False, height_ratios=[1, 1.1])
    shown = [
        scores[np.isfinite(scores)] for r in results for scores in r.scores.values()
    ]  # scores of dead neurons are NaN
    top = max((scores.max() for scores in shown if scores.size), default=1.0)
    bottom = min((np.median(scores) for scores in shown if scores.size), default=top) / 10
    what = "standard deviation" if results[0].std else "variance"
    for result, curves, boxes in zip(results, upper, lower, strict=True):
        _curves(curves, result)
        _boxes(boxes, result)
        if top > 0:
            logarithmic(curves)
            curves.set_ylim(max(bottom, top * 10.0**-DECADES), top * 2)
        curves.minorticks_off()  # they would take most of the rendering time
        boxes.minorticks_off()
    for axes in (upper[0], lower[0]):
        axes.set_ylabel(f"{what} of δ over clusters")
    handles, labels = upper[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)
    return figure


def _curves(axes: Axes, result: GroupingVarianceResult) -> None:
    alive = ~result.dead
    axes.set_title(f"{result.layer}: {alive.sum():,} of {len(alive):,} neurons contribute", fontsize=9)
    axes.set_xlabel("neurons, sorted (%)")
    for name, scores in result.scores.items():
        ordered = np.sort(scores[alive])
        if len(ordered) > POINTS:
            ordered = np.quantile(ordered, np.linspace(0, 1, POINTS))
        axes.plot(
            np.linspace(0, 100, len(ordered)),
            ordered,
            color=PARTITION_COLOURS.get(name, "black"),
            linestyle="--" if name == "lattice" else "-",
            label=name,
        )
    axes.grid(alpha=0.3)


def _boxes(axes: Axes, result: GroupingVarianceResult) -> None:
    names = list(result.scores)
    if result.dead.all():
        return
    alive = {name: result.scores[name][~result.dead] for name in names}
    _draw_boxes(
        axes,
        [*alive.values()],
        np.arange(len(names)) - 0.17,
        [PARTITION_COLOURS.get(n, "black") for n in names],
    )
    if result.null and result.tested:
        shifted = [result.null.scores[name].ravel() for name in result.tested]
        places = np.array([names.index(name) for name in result.tested]) + 0.2
        _draw_boxes(axes, shifted, places, [NULL] * len(places))
    axes.set_xticks(range(len(names)), [_tick(result, name) for name in names], fontsize=7.5)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.grid(axis="y", alpha=0.3)
    if result.null:
        count, sampled = len(result.null.shifts), len(result.null.neurons)
        axes.set_title(f"grey: {sampled:,} neurons, labels shifted {count} times", fontsize=9)
        axes.set_xlabel("rank of the median among the shifts', and distance", fontsize=8)


def _tick(result: GroupingVarianceResult, name: str) -> str:
    """Name of a partition, rank of the layer's median among the shifts, and its distance from them."""
    if name not in result.tested:
        return f"{name}\n–" if result.null else name
    return f"{name}\n{100 * result.layer_rank(name):.0f} %\n{result.layer_effect(name):+.1f}σ"


def _draw_boxes(
    axes: Axes, scores: Sequence[np.ndarray], places: np.ndarray, colours: Sequence[str], width: float = 0.28
) -> None:
    """Box plots of several groups, with all boxes in one artist: ten times faster than ``bxp``."""
    low, quarter, median, three, high = (
        np.array([np.quantile(one, QUANTILES) for one in scores]).reshape(-1, 5).T
    )
    axes.bar(places, three - quarter, width, quarter, color=colours, edgecolor=colours, alpha=0.55)
    axes.vlines(
        [*places, *places], [*low, *three], [*quarter, *high], colors=[*colours, *colours], linewidth=1
    )
    caps = np.tile(places, 2)
    axes.hlines([*low, *high], caps - width / 4, caps + width / 4, colors=[*colours, *colours], linewidth=1)
    axes.hlines(median, places - width / 2, places + width / 2, colors="black", linewidth=1)
