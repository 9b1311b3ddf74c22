"""A dot a clip."""

import math

import pytest

from xinc_lightning.figures import DotPanel, DotRow, dots_of_clips

ROW = DotRow("NeRV head", [0.1, 0.3, 0.5], [0, 0, 1], 0.35, 0.1, 0.6, "holds")


def dots(axes):
    """Clips' dots: marker, colour, value."""
    return [
        (line.get_marker(), line.get_color(), round(float(line.get_xdata()[0]), 6))
        for line in axes.lines
        if len(line.get_xdata()) == 1 and line.get_marker() not in ("|", ".")
    ]


def test_each_clip_has_a_dot_at_the_mean_of_its_seeds():
    (axes,) = dots_of_clips([DotPanel("edges", [ROW], "r", (0.0, math.inf))], ["bunny", "bikes"], "t").axes
    (marker, colour, first), (other_marker, other_colour, second) = dots(axes)
    assert (first, second) == (0.2, 0.5)
    assert marker != other_marker
    assert colour != other_colour
    (seeds,) = [line for line in axes.lines if line.get_marker() == "."]
    assert [*seeds.get_xdata()] == [0.1, 0.3]
    assert [0.1, 0.6] in [[*line.get_xdata()] for line in axes.lines]
    assert axes.get_xlabel() == "r"
    (notes,) = axes.child_axes
    assert [text.get_text() for text in notes.get_yticklabels()] == ["holds"]


def test_a_row_without_an_interval_has_its_mean():
    row = DotRow("head", [2.0], [0], 2.0, math.nan, math.nan)
    figure = dots_of_clips([DotPanel("psnr", [row])], ["bunny"], "t")
    (axes,) = figure.axes
    dot, interval, mean = axes.lines
    assert [*dot.get_xdata()] == [*mean.get_xdata()] == [2.0]
    assert all(math.isnan(end) for end in interval.get_xdata())
    assert not axes.child_axes
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["bunny", "mean over clips, 95 %"]


@pytest.mark.parametrize(("factor", "scale"), [(True, "log"), (False, "linear")])
def test_factors_far_apart_are_on_a_logarithmic_axis(factor, scale):
    row = DotRow("head", [1.0, 1000.0], [0, 1], 31.0, 1.0, 1000.0)
    (axes,) = dots_of_clips([DotPanel("x", [row], factor=factor)], ["a", "b"], "t").axes
    assert axes.get_xscale() == scale


def test_many_clips_are_grey_dots_with_one_line_in_the_legend():
    row = DotRow("head", [*map(float, range(20))], [*range(20)], 9.5, 8.0, 11.0)
    figure = dots_of_clips([DotPanel("x", [row])], [f"clip {n}" for n in range(20)], "t")
    assert len({colour for _, colour, _ in dots(figure.axes[0])}) == 1
    assert figure.legends[0].get_texts()[0].get_text() == "one of 20 clips"
