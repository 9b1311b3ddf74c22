"""Neurons of several runs in one embedding (Figs 10, 14)."""

from collections.abc import Sequence
from math import ceil

from xinc_lightning.analyses import SharedEmbedding
from xinc_lightning.figures.style import COLOURS, MARKERS, Figure, new_figure, without_ticks

COLUMNS = 4


def embedding_by_group(panels: Sequence[SharedEmbedding], legend: str, title: str) -> Figure:
    """A scatter plot for each embedding, each group with its colour and marker.

    Args:
        panels: at least one.
        legend: what the groups are, such as ``seed``.
        title: of the figure.
    """
    columns = min(COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    side = 7.5 if columns == 1 else 11 / columns
    figure = new_figure(side * columns + 1.4, rows * (side + 0.4) + 0.6, title)
    grid = figure.subplots(rows, columns, squeeze=False)
    names = list(dict.fromkeys(group for panel in panels for group in panel.groups))
    handles = {}
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    for axes, panel in zip(grid.flat, panels, strict=False):
        mixing = "".join(f" · mixing {value:.2f}" for value in panel.scalars().values())
        axes.set_title(f"{panel.name}\n{len(panel.positions):,} neurons{mixing}", fontsize=9)
        without_ticks(axes)
        size = max(5, min(30, 6000 / len(panel.positions)))
        for number, group in enumerate(panel.groups):
            here = panel.positions[panel.members == number]
            style = names.index(group)
            handles[group] = axes.scatter(
                *here.T,
                s=size,
                lw=0,
                alpha=0.65,
                color=COLOURS[style % len(COLOURS)],
                marker=MARKERS[style % len(MARKERS)],
            )
    figure.legend(handles.values(), handles.keys(), title=legend, loc="outside right upper", markerscale=2)
    return figure
