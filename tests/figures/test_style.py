import numpy as np
import pytest

from xinc_lightning.figures.style import BROKEN, new_figure, rasterize, scale_of, show, upper_limit


def test_what_is_not_finite_is_red_and_counted():
    picture = np.zeros((4, 4), np.float32)
    picture[0] = np.nan, np.inf, -np.inf, 1
    axes = new_figure(2, 2, "").subplots()
    show(axes, picture, "map", vmin=0, vmax=1)
    assert axes.get_title() == "map\n18.8% not finite (red)"
    pixels = rasterize(axes.figure).reshape(-1, 3).tolist()
    assert pixels.count([255, 0, 0]) > 100
    assert BROKEN == "#ff0000"


def test_colour_pictures_too():
    picture = np.full((4, 4, 3), 0.5)
    picture[:2, :, 1] = np.nan
    axes = new_figure(2, 2, "").subplots()
    show(axes, picture, "frame")
    assert axes.get_title() == "frame\n50.0% not finite (red)"
    assert rasterize(axes.figure).reshape(-1, 3).tolist().count([255, 0, 0]) > 100


def test_finite_pictures_are_as_they_were():
    axes = new_figure(2, 2, "").subplots()
    show(axes, np.eye(3), "map")
    assert axes.get_title() == "map"
    assert [255, 0, 0] not in rasterize(axes.figure).reshape(-1, 3).tolist()


@pytest.mark.parametrize("maps", [np.zeros((2, 3, 3)), np.full((2, 3, 3), np.nan), np.zeros((0, 3, 3))])
def test_scales_of_nothing(maps):
    assert scale_of(maps)["norm"].vmax == 1


def test_scales_disregard_what_is_not_finite():
    assert scale_of(np.array([[-2.0, np.inf, np.nan]]))["norm"].vmin == -2
    assert upper_limit(np.array([0.0] * 99 + [3.0]), 0.5) == 3
