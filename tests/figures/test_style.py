"""Pictures of what is not a number."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from xinc_lightning.figures.renderer import rasterize
from xinc_lightning.figures.style import (
    NOT_FINITE,
    SEQUENTIAL,
    literal,
    new_figure,
    scale_of,
    show,
    upper_limit,
)


def test_not_finite_pixels_are_red_and_counted():
    picture = np.zeros((4, 4), np.float32)
    picture[0] = np.nan, np.inf, -np.inf, 1
    axes = new_figure(2, 2, "").subplots()
    show(axes, picture, "map", vmin=0, vmax=1)
    assert axes.get_title() == "map\n18.8% not finite (red)"
    pixels = rasterize(axes.figure).reshape(-1, 3).tolist()
    assert pixels.count([255, 0, 0]) > 100
    assert NOT_FINITE == "#ff0000"


def test_not_finite_pixels_of_colour_images_are_red():
    picture = np.full((4, 4, 3), 0.5)
    picture[:2, :, 1] = np.nan
    axes = new_figure(2, 2, "").subplots()
    show(axes, picture, "frame")
    assert axes.get_title() == "frame\n50.0% not finite (red)"
    assert rasterize(axes.figure).reshape(-1, 3).tolist().count([255, 0, 0]) > 100


def test_finite_images_are_unchanged():
    axes = new_figure(2, 2, "").subplots()
    show(axes, np.eye(3), "map")
    assert axes.get_title() == "map"
    assert [255, 0, 0] not in rasterize(axes.figure).reshape(-1, 3).tolist()


@pytest.mark.parametrize("maps", [np.zeros((2, 3, 3)), np.full((2, 3, 3), np.nan), np.zeros((0, 3, 3))])
def test_scale_of_maps_without_values(maps):
    assert scale_of(maps)["norm"].vmax == 1


def test_scales_ignore_not_finite_values():
    assert scale_of(np.array([[-2.0, np.inf, np.nan]]))["norm"].vmin == -2
    assert upper_limit(np.array([0.0] * 99 + [3.0]), 0.5) == 3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_inf_and_nan_are_red_and_do_not_affect_the_scale(bad):
    maps = np.array([[0.0, 1.0, bad], [2.0, 3.0, 4.0]])
    scale = scale_of(maps)
    assert scale["cmap"] == SEQUENTIAL
    assert scale["norm"].vmax == pytest.approx(4, rel=0.02)
    figure = new_figure(3, 2, "")
    show(figure.subplots(), maps, **scale)
    red = np.abs(rasterize(figure) / 255 - np.array(to_rgb(NOT_FINITE))).max(-1) < 0.01
    shown = np.argwhere(red)
    assert len(shown) > 500
    assert red[shown.min(0)[0] : shown.max(0)[0], shown.min(0)[1] : shown.max(0)[1]].all(), "one square"


def test_signed_maps_have_a_diverging_scale_and_all_nan_maps_have_one_too():
    assert scale_of(np.array([-1.0, np.nan, 0.5]))["norm"].vmin == pytest.approx(-1, rel=0.02)
    assert scale_of(np.array([np.nan, np.inf]))["norm"].vmax == 1


def test_ticks_are_left_to_be_made_by_whoever_draws():
    pictures = []
    for made_before in (False, True):
        axes = new_figure(2, 2, "").subplots()
        axes.plot([0, 1000])
        if made_before:
            assert len(axes.yaxis.get_major_ticks()) > 1
        literal(axes.figure)
        assert made_before or len(axes.yaxis.majorTicks) == 1
        pictures.append(rasterize(axes.figure))
    np.testing.assert_array_equal(*pictures)
