"""A layer's neurons in two dimensions, with the maps of some neurons of each cluster (Figs 10, 12, 13)."""

import numpy as np
from matplotlib.colors import to_rgb

from xinc_lightning.analyses import NeuronClustersResult
from xinc_lightning.figures.style import (
    CLUSTER_COLOURS,
    MARKERS,
    SEQUENTIAL,
    Figure,
    new_figure,
    picture_size,
    show,
    without_ticks,
)
from xinc_lightning.figures.tiles import text_width, tiles


def clusters_with_maps(result: NeuronClustersResult, frame: np.ndarray, title: str) -> Figure:
    """The embedding on the left, a row of maps for each cluster on the right, the frame below.

    Args:
        result: one layer's clusters.
        frame: [height, width, 3] the frame, in [0, 1].
        title: of the figure.
    """
    wide, high = picture_size(frame.shape, 1.9, 2.8)
    rows = max(int(result.shown_clusters.max(initial=0)) + 1, 4)
    names = [f"{number}: {label}" for number, label in enumerate(result.labels, start=1)]
    sides = (4.4, 4 * max(wide, text_width(names) + 0.25) + 0.2)
    figure = new_figure(sum(sides), max(rows * (max(high, 0.7) + 0.35), 5.4) + 0.9, title)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=sides))

    scatter, picture = left.subplots(2, 1, height_ratios=[2.4, 1])
    live = f"{len(result.neurons):,} live"
    sample = f"{live} of {result.sampled:,}" + (
        f" sampled from {result.total_neurons:,} neurons"
        if result.sampled < result.total_neurons
        else " neurons"
    )
    scatter.set_title(f"{sample}\n{result.method} · colour and row of maps: cluster", fontsize=9)
    without_ticks(scatter)
    for c in np.unique(result.clusters):
        here = result.positions[result.clusters == c]
        style = {"color": CLUSTER_COLOURS[c % len(CLUSTER_COLOURS)], "marker": MARKERS[c % len(MARKERS)]}
        scatter.scatter(*here.T, s=max(6, min(30, 6000 / len(result.positions))), lw=0, alpha=0.7, **style)
    dots = {neuron: dot for dot, neuron in enumerate(result.neurons)}
    for number, (neuron, c) in enumerate(zip(result.shown, result.shown_clusters, strict=True), start=1):
        ink = CLUSTER_COLOURS[c % len(CLUSTER_COLOURS)]
        scatter.annotate(
            str(number),
            result.positions[dots[neuron]],
            fontsize=7,
            ha="center",
            va="center",
            bbox={"boxstyle": "circle,pad=0.15", "fc": _pale(ink), "ec": ink, "lw": 1.2},
        )
    show(picture, frame.clip(0, 1), "frame")

    grid = right.subplots()
    places = [4 * c + taken for c, taken in _places(result.shown_clusters)]
    pictures: list[np.ndarray | None] = [None] * (4 * rows)
    titles, inks = [""] * (4 * rows), ["black"] * (4 * rows)
    for place, name, image in zip(places, names, result.maps, strict=True):
        pictures[place], titles[place], inks[place] = (
            image,
            name,
            CLUSTER_COLOURS[place // 4 % len(CLUSTER_COLOURS)],
        )
    drawn = tiles(grid, pictures, titles, 4, 0.95 * wide, rows, inks, cmap=SEQUENTIAL, vmin=0, vmax=1)
    if drawn is not None:
        right.colorbar(drawn, ax=grid, shrink=0.7, label="|c|, each map scaled to [0, 1]")
    return figure


def _pale(colour: str) -> tuple[float, ...]:
    """A pale tint of the colour, on which black text is legible."""
    return tuple(0.4 * value + 0.6 for value in to_rgb(colour))


def _places(clusters: np.ndarray) -> list[tuple[int, int]]:
    """Row and column of each shown neuron: its cluster, and its number within the cluster."""
    return [(int(c), int((clusters[:i] == c).sum())) for i, c in enumerate(clusters)]
