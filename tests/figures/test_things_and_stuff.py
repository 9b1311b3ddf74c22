"""Segments of one category share a colour, instances differ by marker."""

import numpy as np
import pytest

from xinc_lightning.analyses import ThingsAndStuffResult
from xinc_lightning.data import Segment
from xinc_lightning.figures import rasterize, shares_of_segments
from xinc_lightning.figures.things_and_stuff import MOST_SEGMENTS


def result(segments, frames, layer="head"):
    density = np.random.default_rng(0).random((2, frames, len(segments)))
    density[:, -1, 0] = np.nan if frames > 1 else 1
    return ThingsAndStuffResult(
        layer, np.array([3, 8]), ("#3", "#8"), tuple(segments), np.arange(frames), density
    )


def draw(segments, frames):
    masks = np.random.default_rng(0).integers(0, len(segments) + 1, (frames, 8, 16))
    results = [result(segments, frames), result(segments, frames, "block3")]
    return shares_of_segments(results, np.zeros((frames, 8, 16, 3)), masks, "title")


SEGMENTS = [
    Segment(1, "sky", "sky", False),
    Segment(2, "car_0", "car", True),
    Segment(3, "car_1", "car", True),
]


@pytest.mark.parametrize("frames", [1, 6])
def test_colour_is_the_category_and_marker_the_instance(frames, words):
    figure = draw(SEGMENTS, frames)
    legend = figure.findobj(lambda artist: type(artist).__name__ == "Legend")[0]
    styles = {
        text.get_text(): (line.get_color(), line.get_marker())
        for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True)
    }
    assert set(styles) == {"sky (stuff)", "car_0", "car_1"}
    assert styles["car_0"][0] == styles["car_1"][0] != styles["sky (stuff)"][0]
    assert styles["car_0"][1] != styles["car_1"][1]
    assert "block3" in words(figure)
    assert rasterize(figure).shape[1] == 1200


def test_the_lines_are_the_shares():
    figure = draw(SEGMENTS, 6)
    panels = [axes for axes in figure.findobj(lambda a: type(a).__name__ == "Axes") if axes.lines]
    drawn = np.array([line.get_ydata() for line in panels[0].lines])
    np.testing.assert_allclose(drawn, 100 * result(SEGMENTS, 6).shares[0].T)


def test_segments_beyond_the_limit_are_only_counted(words):
    many = [Segment(i + 1, f"thing_{i}", f"category {i % 14}", True) for i in range(MOST_SEGMENTS + 9)]
    figure = draw(many, 3)
    assert "9 smaller ones not drawn" in words(figure)
    rasterize(figure)
