"""What all figures share: size, fonts, pictures without axes, colour scales."""

from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure as Figure

SEQUENTIAL = "cividis"
"""For magnitudes: even to the eye, and the same to colour-blind eyes."""

DIVERGING = "PuOr_r"
"""For signed values: told apart by colour-blind eyes, light at zero."""

COLOURS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)
"""For kinds without an order: Petroff's ten, told apart by colour-blind eyes."""

NOT_FINITE = "#d7191c"
"""For pixels that have no value; no colour map has it."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of this many inches, 100 dots an inch, with its heading."""
    with rc_context({"font.size": 9}):
        figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
        figure.suptitle(title, fontsize=12)
    return figure


def show(axes: Axes, image: np.ndarray, title: str = "", **options: Any) -> Any:
    """Draw a picture without ticks, Inf and NaN in red; returns the mappable, for a colour bar."""
    without_ticks(axes)
    axes.set_title(title, fontsize=9)
    axes.set_facecolor(NOT_FINITE)
    values = np.ma.masked_invalid(image) if image.ndim == 2 else image
    return axes.imshow(values, interpolation="nearest", **options)


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
    magnitudes = np.abs(finite) if finite.size else np.ones(1)
    limit = float(np.percentile(magnitudes, percentile)) or float(magnitudes.max()) or 1.0
    if finite.min(initial=0) < 0:
        return {"cmap": DIVERGING, "norm": Normalize(-limit, limit)}
    return {"cmap": SEQUENTIAL, "norm": Normalize(0, limit)}


def rasterize(figure: Figure) -> np.ndarray:
    """The figure's pixels, [height, width, 3] bytes."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return pixels[..., :3].copy()
