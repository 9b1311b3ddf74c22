"""Optical flow beside the fluctuation of contributions (Fig 9)."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb

from xinc_lightning.analyses import FlowVsFluctuationResult
from xinc_lightning.analyses.scaling import min_max_scaled
from xinc_lightning.figures.style import (
    SEQUENTIAL,
    Figure,
    format_or_undefined,
    new_figure,
    picture_size,
    show,
)

COLUMNS = 4


def flow_beside_fluctuation(
    results: Sequence[FlowVsFluctuationResult], flow: np.ndarray, pictures: np.ndarray, title: str
) -> Figure:
    """For each time step the frame, its flow and the pixels that move, then every layer's fluctuation.

    Args:
        results: one per layer, in the order in which they are shown.
        flow: [steps, 2, height, width] pixels right and down.
        pictures: [steps, height, width, 3] the later frame of each pair, in [0, 1].
        title: of the figure.
    """
    steps, _, height, width = flow.shape
    rows = 1 + ceil(len(results) / COLUMNS)
    wide, high = picture_size((height, width), 2.9, 3.5)
    figure = new_figure(13, steps * rows * (max(high, 0.8) + 0.35) + 0.9, title)
    parts = np.atleast_1d(np.asarray(figure.subfigures(steps, 1)))
    for step, part in enumerate(parts):
        grid = part.subplots(rows, COLUMNS, squeeze=False)
        for axes in grid.flat[COLUMNS + len(results) :]:
            axes.axis("off")
        speed = np.linalg.norm(flow[step], axis=0)
        fastest = float(speed.max())
        moving = results[0].moving[step]
        show(grid[0, 0], pictures[step].clip(0, 1), f"frame {results[0].frames[step]}")
        show(grid[0, 1], _colours(flow[step], fastest), f"optical flow (rim of the wheel: {fastest:.1f} px)")
        _wheel(grid[0, 1], wide, high)
        show(grid[0, 2], min_max_scaled(speed), "|flow|", cmap=SEQUENTIAL, vmin=0, vmax=1)
        show(grid[0, 3], moving, f"moving pixels, {moving.mean():.1%}", cmap="gray", vmin=0, vmax=1)
        for axes, result in zip(grid[1:].flat, results, strict=False):
            drawn = show(
                axes,
                min_max_scaled(result.fluctuation[step]),
                _heading(result, step),
                cmap=SEQUENTIAL,
                vmin=0,
                vmax=1,
            )
        part.colorbar(drawn, ax=grid, shrink=0.7, label="min-max normalised")
    return figure


def _heading(result: FlowVsFluctuationResult, step: int) -> str:
    sampled = result.neurons < result.total_neurons
    of = f"{result.neurons:,} of {result.total_neurons:,}" if sampled else f"{result.neurons:,}"
    measures = (
        f"Spearman {format_or_undefined(result.spearman[step])} · AUC {format_or_undefined(result.auc[step])}"
    )
    return f"{result.layer} · {of} neurons\n{measures}"


def _colours(flow: np.ndarray, fastest: float) -> np.ndarray:
    """Hue for the direction, saturation for the speed: white is no motion."""
    right, down = flow
    hue = (np.arctan2(-down, right) / (2 * np.pi)) % 1
    saturation = np.hypot(right, down) / (fastest or 1)
    colours: np.ndarray = hsv_to_rgb(np.stack([hue, saturation.clip(0, 1), np.full_like(hue, 0.95)], -1))
    return colours


def _wheel(axes: Axes, wide: float, high: float) -> None:
    """Colour wheel of the directions, in a corner of an image ``wide`` by ``high`` inches large."""
    right, down = np.meshgrid(np.linspace(-1, 1, 81), np.linspace(-1, 1, 81))
    wheel = np.concatenate(
        [_colours(np.stack([right, down]), 1), (np.hypot(right, down) <= 1)[..., None]], -1
    )
    side = min(0.58, 0.6 * wide, 0.9 * high)
    inset = axes.inset_axes((0.99 - side / wide, 0.03, side / wide, side / high))
    inset.imshow(wheel)
    for (x, y), arrow in zip([(0.88, 0.5), (0.5, 0.88), (0.12, 0.5), (0.5, 0.12)], "→↑←↓", strict=True):
        inset.text(x, y, arrow, ha="center", va="center", fontsize=7, transform=inset.transAxes)
    inset.axis("off")
