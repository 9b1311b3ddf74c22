"""A layer's contributions beside the effects of taking its neurons out, and how well they and simpler scores agree."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xinc_lightning.analyses import FaithfulnessResult
from xinc_lightning.figures.style import (
    COLOURS,
    SEQUENTIAL,
    STYLES,
    format_or_undefined,
    new_figure,
    picture_size,
    upper_limit,
)
from xinc_lightning.figures.tiles import text_width, tiles

PICTURE, HIGHEST = 2.1, 3.2

NAMES = {
    "contribution": "contribution",
    "unfiltered": "without box filters",
    "first_order": "gradient × term",
    "randomised": "randomised weights",
    "l1": "L1 of weights",
    "l1_input": "L1 × mean |input|",
    "random": "random",
    "effect": "Σ|e| (ablation)",
    "error_rise": "ΔMSE (ablation)",
}
"""Of kinds of maps and scores."""


def agreement_with_effects(result: FaithfulnessResult, title: str) -> Figure:
    """Four neurons' map beside effect on the left; agreement of maps, of scores, and curves on the right.

    Args:
        result: of one layer.
        title: of the figure, with layer, epoch and PSNR.
    """
    shape = result.example_maps.shape[1:]
    wide, high = picture_size(shape, PICTURE, HIGHEST)
    labels = [
        text
        for label, cosine in zip(result.labels, result.example_cosines, strict=True)
        for text in (f"|c| {label}", f"|e|, cosine {format_or_undefined(float(cosine))}")
    ]
    place = max(wide, text_width(labels)) + 0.15
    height = max(4 * (high + 0.3) + 1.0, 6.6)
    figure = new_figure(2 * place + 12.2, height, title)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[2 * place + 0.3, 11.9]))
    if len(result.examples):
        _pairs(left.subplots(), result, labels, wide)
    left.suptitle(
        "contribution beside effect, each to its own scale,\nfrom poor to good agreement", fontsize=10
    )
    (maps, scores, cascade), (deletion, insertion, spare) = right.subplots(2, 3, width_ratios=[3, 3, 2.6])
    _map_bars(maps, result)
    _score_bars(scores, result)
    _cascade(cascade, result)
    _curves(deletion, result, result.deletion, "taken out, highest score first\n(lower is better)")
    _curves(insertion, result, result.insertion, "put back, highest score first\n(higher is better)")
    handles, names = deletion.get_legend_handles_labels()
    spare.axis("off")
    spare.legend(handles, names, loc="center left", frameon=False, fontsize=9, title="by the neurons' score")
    return figure


def _pairs(axes: Axes, result: FaithfulnessResult, labels: list[str], wide: float) -> None:
    pairs = zip(result.example_maps, result.example_effects, strict=True)
    pictures = [picture / upper_limit(picture, 0.995) for pair in pairs for picture in pair]
    tiles(axes, pictures, labels, 2, wide, 4, cmap=SEQUENTIAL, vmin=0, vmax=1)


def _map_bars(axes: Axes, result: FaithfulnessResult) -> None:
    """Median agreement of each kind of map with |e| over the pixels, with quartiles."""
    for side, (name, values) in enumerate((("cosine", result.cosine), ("Spearman", result.spearman))):
        low, middle, high = _quartiles(values)
        axes.barh(
            np.arange(len(middle)) + (side - 0.5) * 0.38,
            middle,
            0.36,
            xerr=np.abs([middle - low, high - middle]),
            color=COLOURS[side],
            error_kw={"linewidth": 0.8},
            label=name,
        )
    _named(axes, result.maps)
    axes.set_title("maps: agreement with |e| over the pixels,\nmedian and quartiles over neurons", fontsize=9)
    axes.legend(frameon=False, fontsize=8, loc="lower right")


def _score_bars(axes: Axes, result: FaithfulnessResult) -> None:
    """Rank correlation of each score with Σ|e| and ΔMSE over the neurons."""
    shown = [place for place, name in enumerate(result.scores) if name not in ("effect", "error_rise")]
    pairs = (("with Σ|e|", result.rank, COLOURS[2]), ("with ΔMSE", result.error_rank, COLOURS[4]))
    for side, (name, values, colour) in enumerate(pairs):
        axes.barh(np.arange(len(shown)) + (side - 0.5) * 0.38, values[shown], 0.36, color=colour, label=name)
    _named(axes, [result.scores[place] for place in shown])
    axes.set_title(f"scores: rank correlation over {len(result.neurons):,} neurons", fontsize=9)
    axes.legend(frameon=False, fontsize=8, loc="lower right")


def _cascade(axes: Axes, result: FaithfulnessResult) -> None:
    """How much of the maps is left as one layer after the other is initialised anew."""
    axes.plot(np.arange(1, len(result.cascade) + 1), result.cascade, "o-", color=COLOURS[0])
    axes.set_xticks(range(1, len(result.cascade) + 1))
    axes.set_ylim(min(-0.05, np.nanmin(result.cascade, initial=0) - 0.05), 1.05)
    axes.set_title("maps with random weights,\nSpearman with those as trained", fontsize=9)
    axes.set_xlabel("random layers, from the head")
    axes.grid(alpha=0.3)


def _named(axes: Axes, names: tuple[str, ...] | list[str]) -> None:
    axes.set_yticks(range(len(names)), [NAMES.get(name, name) for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.set_xlim(min(-0.1, axes.get_xlim()[0]), 1)
    axes.grid(axis="x", alpha=0.3)


def _curves(axes: Axes, result: FaithfulnessResult, curves: np.ndarray, what: str) -> None:
    for number, (name, curve) in enumerate(zip(result.curves, curves, strict=True)):
        axes.plot(
            100 * result.shares,
            curve,
            color=COLOURS[number % len(COLOURS)],
            linestyle=STYLES[number % 4],
            label=NAMES[name],
        )
    axes.set_title(what, fontsize=9)
    axes.set_xlabel(f"of {len(result.neurons):,} neurons (of {result.total_neurons:,}), %")
    axes.set_ylabel("PSNR (dB)")
    axes.grid(alpha=0.3)


def _quartiles(values: np.ndarray) -> np.ndarray:
    """Quartiles over the neurons whose agreement is defined; 0 if there are none."""
    found = [row[np.isfinite(row)] for row in values]
    return np.array([np.quantile(row, (0.25, 0.5, 0.75)) if len(row) else np.zeros(3) for row in found]).T
