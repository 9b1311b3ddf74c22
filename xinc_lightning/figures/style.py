"""What all figures share: size, fonts, pictures without axes, colour scales."""

import warnings
from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure as Figure
from matplotlib.text import Text
from matplotlib.ticker import StrMethodFormatter

from xinc_lightning.text import LONGEST, printable

SEQUENTIAL = "cividis"
"""For magnitudes: even to the eye, and the same to colour-blind eyes."""

DIVERGING = "PuOr_r"
"""For signed values: told apart by colour-blind eyes, light at zero."""

COLOURS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)
"""For kinds without an order: Petroff's ten, told apart by colour-blind eyes."""

CLUSTER_COLOURS = (COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[4])
"""Of the four clusters of neurons that are shown, in figures and on pages."""

STYLES = ("-", "--", "-.", ":", (0, (8, 2)), (0, (4, 1, 1, 1, 1, 1)), (0, (1, 4)), (0, (8, 2, 2, 2)))
"""For lines, where there are more kinds than colours."""

PANEL = 2.4
"""Inches: so wide that a panel's title has room, whatever the shape of its picture."""

HIGHEST = 2.8
"""Inches: pictures of a clip in portrait format are not higher than this in such a panel."""

COLOUR_BAR = 1.0
"""Inches: so high that a colour bar and its label have room, however low the pictures are."""

NOT_FINITE = "#ff0000"
"""For what is NaN or infinite: in none of the colour maps."""

warnings.filterwarnings(
    "ignore", "Glyph .* missing from"
)  # a name that the font cannot write is shown as boxes

LARGEST = 1e30
"""Values beyond are not drawn: matplotlib's scales overflow."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of this many inches, 100 dots an inch, with its heading, in several lines if it is long."""
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
        figure.suptitle(title, fontsize=12, wrap=True)
    return figure


def literal(figure: Figure) -> Figure:
    """The figure, to be drawn with every text as it is: no ``$`` begins mathematics, nothing unprintable is drawn.

    Names of clips, segments, layers and runs come from outside. Whoever draws a figure calls this just before.
    """
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)
        text.set_text("\n".join(printable(line, LONGEST) for line in text.get_text().split("\n")))
    return figure


def logarithmic(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with plain numbers instead of matplotlib's powers in TeX."""
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def picture_size(shape: Sequence[int], inches: float, highest: float) -> tuple[float, float]:
    """Width and height in inches of a picture [height, width]: so wide, or less where it would be too high.

    >>> picture_size((128, 256), 2.4, 2.8)
    (2.4, 1.2)
    >>> picture_size((64, 32), 2.4, 2.8)
    (1.4, 2.8)
    """
    height, width = shape[:2]
    wide = min(inches, highest * width / height)
    return wide, wide * height / width


def grid_size(rows: int, columns: int, shape: Sequence[int]) -> tuple[float, float]:
    """Inches of a figure of so many pictures [height, width], each under a title, beside colour bars."""
    _, high = picture_size(shape, PANEL, HIGHEST)
    return columns * PANEL + 1, rows * (max(high, COLOUR_BAR) + 0.3) + 0.6


def show(axes: Axes, image: np.ndarray, title: str = "", **options: Any) -> Any:
    """Draw a picture without ticks; returns the mappable, for a colour bar.

    Pixels that are NaN or infinite are red, and their share is in the title: they must not pass for empty.
    """
    without_ticks(axes)
    broken = ~np.isfinite(image) if image.ndim == 2 else ~np.isfinite(image).all(-1)
    if broken.any():
        title += f"\n{broken.mean():.1%} not finite (red)"
        image = np.where(broken if image.ndim == 2 else broken[..., None], np.nan, image)
    axes.set_title(title, fontsize=9)
    if image.ndim == 2 and image.dtype == np.float32:
        image = image.astype(np.float64)  # float32 near its end overflows within matplotlib
    if image.ndim == 3 and broken.any():
        image = np.where(broken[..., None], to_rgb(NOT_FINITE), image)
    drawn = axes.imshow(image, interpolation="nearest", **options)
    drawn.set_cmap(drawn.get_cmap().with_extremes(bad=NOT_FINITE))
    return drawn


def without_ticks(axes: Axes) -> None:
    """Hide both axes: laying out axes that are merely empty would take half of a figure's time."""
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)


def scale_of(maps: np.ndarray, percentile: float = 99.5) -> dict[str, Any]:
    """Colour map and limits shared by several maps: diverging around zero if any is negative.

    The limits are a percentile of the magnitudes, so that one bright neuron does not blacken the rest.

    Returns:
        Arguments for :func:`show`.
    """
    finite = maps[np.isfinite(maps)]
    limit = upper_limit(np.abs(finite), percentile / 100)
    if finite.size and finite.min() < 0:
        return {"cmap": DIVERGING, "norm": Normalize(-limit, limit)}
    return {"cmap": SEQUENTIAL, "norm": Normalize(0, limit)}


def upper_limit(values: np.ndarray, quantile: float) -> float:
    """Where a scale from 0 ends: at a quantile of the finite values, at their largest if that is 0, or at 1."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return 1.0
    return float(np.quantile(finite, quantile)) or float(finite.max()) or 1.0


def told(measure: float, form: str = ".2f") -> str:
    """A measure for people.

    >>> told(0.256), told(0.256, "+.2f"), told(float("nan"))
    ('0.26', '+0.26', 'undefined')
    """
    return "undefined" if isnan(measure) else f"{measure:{form}}"
