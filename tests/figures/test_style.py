"""Pictures of what is not a number."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from xinc_lightning.figures import rasterize
from xinc_lightning.figures.style import NOT_FINITE, SEQUENTIAL, new_figure, scale_of, show


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_inf_and_nan_are_red_and_do_not_blind_the_rest(bad):
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


def test_signed_maps_diverge_around_zero_and_no_number_at_all_has_a_scale():
    assert scale_of(np.array([-1.0, np.nan, 0.5]))["norm"].vmin == pytest.approx(-1, rel=0.02)
    assert scale_of(np.array([np.nan, np.inf]))["norm"].vmax == 1
