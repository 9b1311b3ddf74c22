"""Every picture is where it belongs, whole, in its colours, under its title."""

import numpy as np
import pytest

from xinc_lightning.figures import rasterize
from xinc_lightning.figures.style import new_figure
from xinc_lightning.figures.tiles import tiles

COLOURS = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200], [200, 200, 30], [30, 200, 200]]) / 255


def places(pixels, colour):
    """Rows and columns at which a colour is."""
    return np.nonzero((np.abs(pixels.astype(int) - (colour * 255).round()) <= 1).all(-1))


@pytest.mark.parametrize("shape", [(10, 20), (20, 10)])
def test_images_are_in_order_complete_and_undistorted(shape):
    pictures = [np.broadcast_to(colour, (*shape, 3)) for colour in COLOURS]
    figure = new_figure(7, 6, "title")
    tiles(figure.subplots(), [*pictures[:2], None, *pictures[2:]], list("abcdef"), 3, 2)
    pixels = rasterize(figure)
    boxes = [places(pixels, colour) for colour in COLOURS]
    for rows, columns in boxes:
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert len(rows) == height * width  # nothing is drawn over it
        assert height / width == pytest.approx(shape[0] / shape[1], rel=0.03)
        assert height * width > 3000
    middles = [(rows.mean(), columns.mean()) for rows, columns in boxes]
    first, second, third, fourth, fifth = middles
    assert first[0] == pytest.approx(second[0])
    assert first[1] < second[1]
    assert first[0] < third[0] == pytest.approx(fifth[0])
    assert third[1] == pytest.approx(first[1])
    assert fourth[1] == pytest.approx(second[1])
    assert fifth[1] > fourth[1]


def test_titles_sides_frames_and_the_mappable(words):
    figure = new_figure(7, 6, "title")
    axes = figure.subplots()
    drawn = tiles(
        axes,
        [np.eye(3), np.ones((3, 3))],
        ["one", "two"],
        1,
        2,
        sides=["left", "below"],
        frames=["red", "blue"],
    )
    assert {"one", "two", "left", "below"} <= set(words(figure).splitlines())
    assert len(axes.patches) == 2
    assert drawn.get_array().tolist() == np.ones((3, 3)).tolist()
    assert tiles(figure.subplots(), [], [], 3, 2) is None
