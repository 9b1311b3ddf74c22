"""Several runs on one axis."""

import itertools

import numpy as np
import pytest

from xinc_lightning.figures import Panel, overlay

X = np.arange(3.0)


def test_each_run_has_its_style_and_each_row_its_scale():
    rows = [
        [
            Panel("a", "epoch", "score", {0: (X, X + 1), 1: (X, X + 2)}),
            Panel("b", "epoch", "score", {1: (X, X + 9)}),
        ],
        [Panel("c", "epoch", "effect", {0: (X, 10.0**X - 0.5)})],
    ]
    figure = overlay(rows, ["one", "other"], "title", points=True)
    first, second, third, empty = figure.axes
    assert [line.get_color() for line in first.lines][1] == second.lines[0].get_color()
    assert first.lines[0].get_color() != first.lines[1].get_color()
    assert first.lines[0].get_marker() != first.lines[1].get_marker()
    assert first.get_ylim() == second.get_ylim()
    assert (first.get_yscale(), third.get_yscale()) == ("linear", "log")
    assert not empty.axison
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "other"]
    assert (first.get_xlabel(), third.get_xlabel()) == ("", "epoch")


def test_names_on_the_horizontal_axis_and_gaps_in_the_line():
    values = np.array([0.5, np.nan, -0.5])
    panel = Panel("Σ|c| and edge", "layer", "r", {0: (X, values)}, ("block1", "block2", "head"))
    (axes,) = overlay([[panel]], ["run"], "title").axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["block1", "block2", "head"]
    assert axes.get_yscale() == "linear"
    assert axes.lines[0].get_marker() in ("", "None")


def test_more_runs_than_colours_differ_in_line():
    panel = Panel("", "x", "y", dict.fromkeys(range(9), (X, X)))
    lines = overlay([[panel]], [str(run) for run in range(9)], "title").axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 9


PLACES = ("stem", "block1", *(f"block{i + 2} | block{i} | layer{i + 1} | layer{i}" for i in range(1, 6)))
"""Corresponding layers of four networks, as they are compared."""

RUNS = [f"{name}-seed{i}-162bcc-001" for i, name in enumerate(("hnerv", "nerv", "siren", "ffn"))]


def apart(boxes):
    return all(a.x1 <= b.x0 for a, b in itertools.pairwise(sorted(boxes, key=lambda box: box.x0)))


@pytest.mark.parametrize("panels", [1, 2, 7])
def test_names_of_four_networks_do_not_cover_each_other(panels):
    line = {0: (X, X)}
    titles = [f"{PLACES[-1]}: gabor_seed_spread" for _ in range(panels)]
    rows = [[Panel(title, "epoch", "score", line, PLACES if panels < 3 else ()) for title in titles]]
    figure = overlay(rows * 2, RUNS, "title", points=True)
    figure.draw_without_rendering()
    for row in (figure.axes[:panels], figure.axes[panels:]):
        assert apart([axes.title.get_window_extent() for axes in row])
    for axes in figure.axes[panels:]:
        names = axes.get_xticklabels()
        assert apart([name.get_window_extent() for name in names])
        if panels < 3:
            assert names[-1].get_text() == "block7\nblock5\nlayer6\nlayer5"
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.x1
