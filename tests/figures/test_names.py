"""Names from outside in figures: nothing is taken for mathematics, nothing ends the drawing."""

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

from xinc_lightning.figures import Panel, Renderer, figure_file, overlay, png_now
from xinc_lightning.figures.evolution import film_of_neurons

NAMES = ["costs $5 or $6", "$\\frac{", "\ud800$x$", "a\x1b[2J", "line\nbreak", "x" * 5000]


@pytest.fixture(autouse=True)
def no_mathematics(monkeypatch):
    def parse(self, text, *_, **__):
        raise AssertionError(f"{text!r} was taken for mathematics")

    monkeypatch.setattr(MathTextParser, "parse", parse)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_is_drawn_as_it_is(name):
    lines = {0: (np.arange(2.0), np.array([1e-5, 1.0]))}  # far apart: on a logarithmic axis
    figure = overlay([[Panel(name[:40], name[:40], name[:40], lines, (name[:40], "b"))]], [name[:40]], name)
    assert figure_file(figure, "png").startswith(b"\x89PNG")
    assert figure_file(figure, "pdf").startswith(b"%PDF")
    assert png_now(figure).result().startswith(b"\x89PNG")


def test_a_film_with_such_names():
    maps = np.random.default_rng(0).random((2, 1, 8, 16))
    (first, _) = film_of_neurons(maps, maps[:, 0], ["$x$"], ["a $ b", "c $ d"])
    assert first.ndim == 3


def test_the_other_process_draws_them_too():
    renderer = Renderer()
    picture = renderer.png(overlay([[Panel("$\\frac{", "", "", {})]], ["\udcff"], "$x$"))
    renderer.close()
    assert picture.result().startswith(b"\x89PNG")
