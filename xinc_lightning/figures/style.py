"""What all figures share: sizes, fonts, images without axes, colour scales."""

import warnings
from collections.abc import Iterator, Sequence
from math import isnan
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure as Figure
from matplotlib.text import Text
from matplotlib.ticker import StrMethodFormatter

from xinc_lightning.palette import CLUSTER_COLOURS as CLUSTER_COLOURS
from xinc_lightning.palette import COLOURS as COLOURS
from xinc_lightning.text import LONGEST, printable

SEQUENTIAL = "cividis"
"""Colour map of magnitudes: perceptually uniform, also for colour-blind readers."""

DIVERGING = "PuOr_r"
"""Colour map of signed values: light at zero, and distinguishable for colour-blind readers."""

STYLES = ("-", "--", "-.", ":", (0, (8, 2)), (0, (4, 1, 1, 1, 1, 1)), (0, (1, 4)), (0, (8, 2, 2, 2)))
"""Line styles, for more categories than colours."""

PANEL = 2.4
"""Width of a panel in inches: enough for its title, whatever the shape of its image."""

HIGHEST = 2.8
"""Maximum height in inches of an image in portrait format in such a panel."""

COLOUR_BAR = 1.0
"""Minimum height in inches of a row, for a colour bar and its label."""

LETTER_INCHES = 0.09
"""Width of a letter in a heading, rather more."""

NOT_FINITE = "#ff0000"
"""Colour of NaN and infinite values: in none of the colour maps."""

warnings.filterwarnings(
    "ignore", "Glyph .* missing from"
)  # a name that the font cannot write is shown as boxes

LARGEST = 1e30
"""Values beyond are not drawn: matplotlib's scales overflow."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure with a title, wrapped if it is long; sizes in inches, at 100 dpi."""
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
        figure.suptitle(title, fontsize=12, wrap=True)
    return figure


def literal(figure: Figure) -> Figure:
    """The figure, to be drawn with every text as it is: no ``$`` begins mathematics, nothing unprintable is drawn.

    Names of clips, segments, layers and runs come from outside. Whoever draws a figure calls this just before.
    """
    for text in _texts(figure):
        text.set_parse_math(False)
        lines = [printable(line, LONGEST) for line in text.get_text().split("\n")]
        if text.get_wrap() and "$" in text.get_text():  # matplotlib takes it for mathematics where it wraps
            text.set_wrap(False)
            letters = max(20, int(figure.get_figwidth() / LETTER_INCHES))
            lines = [part for line in lines for part in wrap(line, letters)]
        text.set_text("\n".join(lines))
    return figure


def _texts(artist: Artist) -> Iterator[Text]:
    """Every text that will be drawn, but of ticks that are yet to be made: making them takes longer than all else."""
    if isinstance(artist, Text):
        yield artist
    children = artist.get_children() if not isinstance(artist, Axis) else _made(artist)
    for child in children:
        hidden = isinstance(child, Axis) and isinstance(artist, Axes) and not artist.axison
        if child.get_visible() and not hidden:
            yield from _texts(child)


def _made(axis: Axis) -> list[Artist]:
    """Labels of an axis and its ticks so far; ticks that drawing makes are as the renderer's settings want them."""
    return [axis.label, axis.offsetText, *axis.majorTicks, *axis.minorTicks]


def logarithmic(axes: Axes) -> None:
    """Make the vertical axis logarithmic, with plain numbers instead of matplotlib's powers in TeX."""
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def picture_size(shape: Sequence[int], inches: float, highest: float) -> tuple[float, float]:
    """Width and height in inches of an image [height, width]: ``inches`` wide, or less to be at most ``highest`` high.

    >>> picture_size((128, 256), 2.4, 2.8)
    (2.4, 1.2)
    >>> picture_size((64, 32), 2.4, 2.8)
    (1.4, 2.8)
    """
    height, width = shape[:2]
    wide = min(inches, highest * width / height)
    return wide, wide * height / width


def grid_size(rows: int, columns: int, shape: Sequence[int]) -> tuple[float, float]:
    """Size in inches of a figure with a grid of images [height, width], their titles and colour bars."""
    _, high = picture_size(shape, PANEL, HIGHEST)
    return columns * PANEL + 1, rows * (max(high, COLOUR_BAR) + 0.3) + 0.6


def show(axes: Axes, image: np.ndarray, title: str = "", **options: Any) -> Any:
    """Show an image without ticks; returns the mappable, for a colour bar.

    Pixels that are NaN or infinite are red, and their share is in the title, so that they are not taken for 0.
    """
    without_ticks(axes)
    broken = ~np.isfinite(image) if image.ndim == 2 else ~np.isfinite(image).all(-1)
    if broken.any():
        title += f"\n{broken.mean():.1%} not finite (red)"
        image = np.where(broken if image.ndim == 2 else broken[..., None], np.nan, image)
    axes.set_title(title, fontsize=9)
    if image.ndim == 2 and image.dtype == np.float32:
        image = image.astype(np.float64)  # very large float32 values overflow within matplotlib
    if image.ndim == 3 and broken.any():
        image = np.where(broken[..., None], to_rgb(NOT_FINITE), image)
    drawn = axes.imshow(image, interpolation="nearest", **options)
    drawn.set_cmap(drawn.get_cmap().with_extremes(bad=NOT_FINITE))
    return drawn


def without_ticks(axes: Axes) -> None:
    """Hide both axes: the layout of empty but visible axes would take half of the rendering time."""
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)


def scale_of(maps: np.ndarray, percentile: float = 99.5) -> dict[str, Any]:
    """Colour map and limits shared by several maps: diverging around zero if any is negative.

    The limits are a percentile of the magnitudes, so that one strong neuron does not hide the others.

    Returns:
        Arguments for :func:`show`.
    """
    finite = maps[np.isfinite(maps)]
    limit = upper_limit(np.abs(finite), percentile / 100)
    if finite.size and finite.min() < 0:
        return {"cmap": DIVERGING, "norm": Normalize(-limit, limit)}
    return {"cmap": SEQUENTIAL, "norm": Normalize(0, limit)}


def upper_limit(values: np.ndarray, quantile: float) -> float:
    """Upper limit of a scale from 0: a quantile of the finite values, their largest if that is 0, or 1."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return 1.0
    return float(np.quantile(finite, quantile)) or float(finite.max()) or 1.0


def format_or_undefined(measure: float, form: str = ".2f") -> str:
    """A number as text, ``undefined`` for NaN.

    >>> format_or_undefined(0.256), format_or_undefined(0.256, "+.2f"), format_or_undefined(float("nan"))
    ('0.26', '+0.26', 'undefined')
    """
    return "undefined" if isnan(measure) else f"{measure:{form}}"
