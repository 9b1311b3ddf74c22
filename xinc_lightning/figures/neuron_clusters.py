"""A layer's neurons in two dimensions, with the maps of some of each kind (Figs 10, 12, 13)."""

import numpy as np

from xinc_lightning.analyses import NeuronClustersResult
from xinc_lightning.figures.style import COLOURS, MARKERS, SEQUENTIAL, Figure, new_figure, show, without_ticks
from xinc_lightning.figures.tiles import tiles

INKS = (COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[4])


def clusters_with_maps(result: NeuronClustersResult, frame: np.ndarray, title: str) -> Figure:
    """The embedding on the left, a row of maps for each cluster on the right, the frame below.

    Args:
        result: one layer's clusters.
        frame: [height, width, 3] the frame, in [0, 1].
        title: heading.
    """
    height, width = frame.shape[:2]
    rows = max(int(result.shown_clusters.max(initial=0)) + 1, 4)
    cell = float(np.clip(1.9 * height / width, 0.7, 3.5))
    figure = new_figure(12.2, max(rows * (cell + 0.35), 5.4) + 0.9, title)
    left, right = np.asarray(figure.subfigures(1, 2, width_ratios=[1, 1.75]))

    scatter, picture = left.subplots(2, 1, height_ratios=[2.4, 1])
    live = f"{len(result.neurons):,} live"
    sample = f"{live} of {result.sampled:,}" + (
        f" sampled from {result.total_neurons:,} neurons"
        if result.sampled < result.total_neurons
        else " neurons"
    )
    scatter.set_title(f"{sample}\n{result.method}", fontsize=9)
    without_ticks(scatter)
    for c in np.unique(result.clusters):
        here = result.positions[result.clusters == c]
        look = {"color": INKS[c % len(INKS)], "marker": MARKERS[c % len(MARKERS)]}
        scatter.scatter(*here.T, s=max(6, min(30, 6000 / len(result.positions))), lw=0, alpha=0.7, **look)
    dots = {neuron: dot for dot, neuron in enumerate(result.neurons)}
    for number, neuron in enumerate(result.shown):
        scatter.annotate(
            str(number + 1),
            result.positions[dots[neuron]],
            fontsize=7,
            ha="center",
            va="center",
            bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": "black", "lw": 0.6, "alpha": 0.85},
        )
    show(picture, frame.clip(0, 1), "frame")

    grid = right.subplots()
    places = [4 * c + taken for c, taken in _places(result.shown_clusters)]
    pictures: list[np.ndarray | None] = [None] * (4 * rows)
    titles, inks = [""] * (4 * rows), ["black"] * (4 * rows)
    for number, (place, label, image) in enumerate(
        zip(places, result.labels, result.maps, strict=True), start=1
    ):
        pictures[place], titles[place], inks[place] = (
            image,
            f"{number}: {label}",
            INKS[place // 4 % len(INKS)],
        )
    drawn = tiles(grid, pictures, titles, 4, 1.8, rows, inks, cmap=SEQUENTIAL, vmin=0, vmax=1)
    if drawn is not None:
        right.colorbar(drawn, ax=grid, shrink=0.7, label="|c|, each map scaled to [0, 1]")
    return figure


def _places(clusters: np.ndarray) -> list[tuple[int, int]]:
    """Row and column of each shown neuron: its cluster, and how many of that came before it."""
    return [(int(c), int((clusters[:i] == c).sum())) for i, c in enumerate(clusters)]
