"""How unevenly neurons contribute to objects, colours, textures and places (Figs 4, 16), and to what by chance."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xinc_lightning.analyses import GroupingVarianceResult
from xinc_lightning.figures.style import new_figure

COLOURS = {
    "instances": "#D55E00",
    "rgb": "#CC79A7",
    "gabor": "#009E73",
    "grid": "#0072B2",
    "lattice": "#56B4E9",
}
"""Okabe and Ito's, told apart by colour-blind eyes."""

NULL = "#888888"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DECADES = 9
"""How far below the largest score the axes reach at most."""


def grouping_variances(results: Sequence[GroupingVarianceResult], title: str) -> Figure:
    """One column a layer: sorted scores above; below, their quantiles beside those under shifts.

    Args:
        results: one a layer.
        title: heading, with epoch and PSNR.
    """
    figure = new_figure(max(3.3 * len(results), 6.6) + 0.6, 7.6, title)
    upper, lower = figure.subplots(2, len(results), sharey=True, squeeze=False, height_ratios=[1, 1.1])
    shown = [
        scores[np.isfinite(scores)] for r in results for scores in r.scores.values()
    ]  # dead ones are NaN
    top = max((scores.max() for scores in shown if scores.size), default=1.0)
    bottom = min((np.median(scores) for scores in shown if scores.size), default=top) / 10
    what = "standard deviation" if results[0].std else "variance"
    for result, curves, boxes in zip(results, upper, lower, strict=True):
        _curves(curves, result)
        _boxes(boxes, result)
        if top > 0:
            curves.set_yscale("log")
            curves.set_ylim(max(bottom, top * 10.0**-DECADES), top * 2)
        curves.minorticks_off()  # they would take most of the time to draw
        boxes.minorticks_off()
    for axes in (upper[0], lower[0]):
        axes.set_ylabel(f"{what} of δ over clusters")
    handles, labels = upper[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)
    return figure


def _curves(axes: Axes, result: GroupingVarianceResult) -> None:
    alive = ~result.dead
    axes.set_title(f"{result.layer}: {alive.sum():,} live neurons, {result.dead.sum():,} dead", fontsize=9)
    axes.set_xlabel("neurons, sorted (%)")
    for name, scores in result.scores.items():
        ordered = np.sort(scores[alive])
        axes.plot(
            np.linspace(0, 100, len(ordered)),
            ordered,
            color=COLOURS.get(name, "black"),
            linestyle="--" if name == "lattice" else "-",
            label=name,
        )
    axes.grid(alpha=0.3)


def _boxes(axes: Axes, result: GroupingVarianceResult) -> None:
    names = list(result.scores)
    if result.dead.all():
        return
    for place, name in enumerate(names):
        _box(axes, place - 0.17, result.scores[name][~result.dead], COLOURS.get(name, "black"))
        if name in result.tested:
            assert result.null is not None
            _box(axes, place + 0.2, result.null.scores[name].ravel(), NULL)
    axes.set_xticks(range(len(names)), [_tick(result, name) for name in names], fontsize=7.5)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.grid(axis="y", alpha=0.3)
    if result.null:
        count, sampled = len(result.null.shifts), len(result.null.neurons)
        axes.set_title(f"grey: {sampled:,} neurons, labels shifted {count} times", fontsize=9)
        axes.set_xlabel("rank of the median among the shifts', and distance", fontsize=8)


def _tick(result: GroupingVarianceResult, name: str) -> str:
    """Name, rank of the layer's median among the shifts, and its distance from them."""
    if name not in result.tested:
        return f"{name}\n–" if result.null else name
    return f"{name}\n{100 * result.layer_rank(name):.0f} %\n{result.layer_effect(name):+.1f}σ"


def _box(axes: Axes, place: float, scores: np.ndarray, colour: str) -> None:
    low, quarter, median, three, high = np.quantile(scores, QUANTILES)
    stats = {"whislo": low, "q1": quarter, "med": median, "q3": three, "whishi": high}
    line = {"color": colour}
    axes.bxp(
        [stats],
        positions=[place],
        widths=0.28,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": colour, "edgecolor": colour, "alpha": 0.55},
        medianprops={"color": "black"},
        whiskerprops=line,
        capprops=line,
        manage_ticks=False,
    )
