import numpy as np
import pytest
import torch

from xinc_lightning.analyses import neurons_per_pixel, pixels_per_neuron
from xinc_lightning.figures import (
    contribution_distributions,
    neurons_per_pixel_maps,
    pixels_per_neuron_curves,
    rasterize,
)

FRAME = np.zeros((8, 16, 3))


def test_a_curve_a_layer(painted_frame):
    maps = torch.rand(5, 8, 16)
    maps[0] = 0
    results = [
        pixels_per_neuron(painted_frame(maps).reduce()),
        pixels_per_neuron(painted_frame(maps[1:]).reduce()),
    ]
    axes = pixels_per_neuron_curves(results, "t").axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["toy: 5 neurons, 1 without contribution", "toy: 4 neurons, 0 without contribution"]
    first = axes.get_lines()[0].get_ydata()
    assert first[0] == 0
    assert first[-1] == pytest.approx(100 * results[0].counts.max() / 128)
    assert len({line.get_color() for line in axes.get_lines()}) == 2


def test_more_layers_than_colours_differ_in_style(painted_frame):
    result = pixels_per_neuron(painted_frame(torch.rand(3, 8, 16)).reduce())
    lines = pixels_per_neuron_curves([result] * 20, "t").axes[0].get_lines()
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 20


def test_heat_maps_share_a_scale_along_a_row(painted_frame):
    results = [neurons_per_pixel(painted_frame(torch.randn(n, 8, 16)).reduce()) for n in (9, 30)]
    figure = neurons_per_pixel_maps(results, FRAME, "t")
    pictures = [axes for axes in figure.axes if axes.images]
    titles = [axes.get_title() for axes in pictures]
    assert titles[0] == "frame"
    share = 100 * results[1].share[1].mean()
    assert titles[4] == f"toy, |c| > τ50: {share:.0f} %"
    assert titles[6] == f"toy, effective: {results[1].effective.mean():,.0f} of 30"
    np.testing.assert_allclose(pictures[4].images[0].get_array(), 100 * results[1].share[1])
    np.testing.assert_allclose(pictures[6].images[0].get_array(), 100 * results[1].effective / 30)
    for left, right in zip(pictures[1::2], pictures[2::2], strict=True):
        assert left.images[0].get_clim() == right.images[0].get_clim()


def test_distribution_marks_the_thresholds(painted_frame):
    result = neurons_per_pixel(painted_frame(torch.randn(20, 8, 16)).reduce())
    axes = contribution_distributions([result], "t").axes[0]
    curve, at_rank_10, at_10, at_rank_50, at_50 = axes.get_lines()
    np.testing.assert_array_equal(curve.get_ydata(), result.curve)
    assert at_10.get_ydata()[0] == result.tau[0]
    assert at_50.get_ydata()[0] == result.tau[1]
    assert at_rank_10.get_xdata()[0] == 100 * result.rank(0)
    assert at_rank_50.get_xdata()[0] == 100 * result.rank(1)
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [f"τ10 = {result.tau[0]:.3g}", f"τ50 = {result.tau[1]:.3g}"]


@pytest.mark.filterwarnings("error")
def test_dead_layers_can_be_drawn(painted_frame):
    statistics = painted_frame(torch.zeros(3, 8, 16)).reduce()
    rasterize(pixels_per_neuron_curves([pixels_per_neuron(statistics)], "t"))
    result = neurons_per_pixel(statistics)
    rasterize(neurons_per_pixel_maps([result], FRAME, "t"))
    rasterize(contribution_distributions([result], "t"))
