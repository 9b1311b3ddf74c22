"""Many images in one axes, because an axes for each would take most of a figure's rendering time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from xinc_lightning.figures.style import NOT_FINITE

GAP = 0.04
"""Between the images of a row, as a fraction of their width."""

TITLE_INCHES = 0.2
"""Height of a title in inches."""

LETTER_INCHES = 0.08
"""Width of a letter in inches, as an upper estimate."""


def text_width(texts: Sequence[str]) -> float:
    """Width in inches of the longest line of the texts, as an upper estimate.

    >>> text_width(["#7 (0→7)", "epoch 1000"])
    0.8
    """
    return LETTER_INCHES * max((len(line) for text in texts for line in text.splitlines()), default=0)


def tiles(
    axes: Axes,
    pictures: Sequence[np.ndarray | None],
    titles: Sequence[str],
    columns: int,
    width: float,
    rows: int = 0,
    frames: Sequence[str] = (),
    sides: Sequence[str] = (),
    **options: Any,
) -> Any:
    """Show images row by row, each below its title, Inf and NaN in red; returns the last mappable, for a colour bar.

    Args:
        axes: all of it is used.
        pictures: [height, width] or [height, width, 3], all of one size; None leaves a place empty.
        titles: one per image, of one line.
        columns: images per row.
        width: approximate width of an image in inches, as a lower estimate, from which space for text is computed.
        rows: minimum number of rows to leave space for.
        sides: labels beside the rows, if any.
        frames: colour of a thick border around each image; by default a thin grey one.
        options: of ``imshow``: one colour scale for all.
    """
    axes.axis("off")
    shown = [picture for picture in pictures if picture is not None]
    ratio = shown[0].shape[0] / shown[0].shape[1] if shown else 0.5
    step_x, step_y = max(1 + GAP, text_width(titles) / width), ratio + TITLE_INCHES / width + GAP
    rows = max(rows, -(-len(pictures) // columns), 1)
    drawn = None
    for place, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        if picture is None:
            continue
        left, bottom = place % columns * step_x, -(place // columns) * step_y
        extent = (left, left + 1, bottom - ratio, bottom)
        values = np.ma.masked_invalid(picture) if picture.ndim == 2 else picture
        if np.ma.is_masked(values):
            axes.add_patch(Rectangle((left, bottom - ratio), 1, ratio, fc=NOT_FINITE, zorder=-1))
        drawn = axes.imshow(values, interpolation="nearest", extent=extent, **options)
        drawn.set_in_layout(False)
        text = axes.text(left + 0.5, bottom + 0.03 / width, title, ha="center", va="bottom", fontsize=9)
        text.set_in_layout(False)
        line = Rectangle((left, bottom - ratio), 1, ratio, fill=False)
        line.set(edgecolor=frames[place] if frames else "0.6", linewidth=2.5 if frames else 0.6)
        line.set_in_layout(False)
        axes.add_patch(line)
    for row, side in enumerate(sides):
        text = axes.text(-GAP, -row * step_y - ratio / 2, side, ha="right", va="center", fontsize=9)
        text.set_in_layout(False)
    margin = (step_x - 1) / 2
    axes.set_xlim(-max(margin, (GAP + text_width(sides) / width) * bool(sides)), columns * step_x - margin)
    axes.set_ylim(-rows * step_y + TITLE_INCHES / width, TITLE_INCHES / width)
    axes.set_aspect("equal")
    return drawn
