"""Rendering in another process."""

import os
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib.artist import Artist
from PIL import Image

from xinc_lightning.figures import Renderer, png_now, rasterize
from xinc_lightning.figures.style import new_figure


def figure_of(number):
    figure = new_figure(2, 1, f"number {number}")
    figure.subplots().plot([0, number])
    return figure


@pytest.fixture
def renderer():
    renderer = Renderer()
    yield renderer
    renderer.close()


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)))


def test_same_pixels_as_rendered_in_this_process(renderer):
    drawn = [renderer.png(figure_of(number)) for number in range(3)]
    for number, picture in enumerate(drawn):
        np.testing.assert_array_equal(pixels(picture.result()), rasterize(figure_of(number)))
        assert picture.result() == png_now(figure_of(number)).result()
    assert renderer._process.pid != os.getpid()


def test_later_changes_of_a_figure_are_not_rendered(renderer):
    figure = figure_of(1)
    drawn = renderer.png(figure)
    figure.axes[0].set_facecolor("red")
    np.testing.assert_array_equal(pixels(drawn.result()), rasterize(figure_of(1)))


def test_unpicklable_figure_is_rendered_in_this_process(renderer):
    figure = figure_of(1)
    figure.axes[0].xaxis.set_major_formatter(lambda value, place: "x")
    assert pixels(renderer.png(figure).result()).shape == (100, 200, 3)
    assert renderer._process is None


class Broken(Artist):
    """Raises when it is drawn."""

    def draw(self, renderer):
        raise ZeroDivisionError("nothing to draw")


def test_error_of_one_figure_is_raised_and_others_are_rendered(renderer):
    broken = figure_of(1)
    broken.add_artist(Broken())
    before, failed, after = (renderer.png(f) for f in (figure_of(0), broken, figure_of(2)))
    with pytest.raises(ZeroDivisionError, match="nothing to draw"):
        failed.result()
    for number, picture in ((0, before), (2, after)):
        np.testing.assert_array_equal(pixels(picture.result()), rasterize(figure_of(number)))


def test_killed_process_loses_no_figure(renderer):
    renderer.png(figure_of(0)).result()
    renderer._process.kill()
    np.testing.assert_array_equal(pixels(renderer.png(figure_of(1)).result()), rasterize(figure_of(1)))


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")
def test_render_process_exits_with_parent():
    program = (
        "import os; from xinc_lightning.figures import *; from xinc_lightning.figures.style import new_figure\n"
        "renderer = Renderer(); renderer.png(new_figure(1, 1, '')).result(); print(renderer._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    state = Path(f"/proc/{int(ended.stdout)}/stat")
    deadline = time.monotonic() + 20
    while state.exists() and state.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline, "the rendering process outlives its parent"
        time.sleep(0.05)


def test_frozen_process_is_killed_and_the_figure_is_rendered_here(renderer, monkeypatch):
    monkeypatch.setattr("xinc_lightning.figures.renderer.LONGEST", 1.0)
    renderer.png(figure_of(1)).result()
    frozen = renderer._process
    os.kill(frozen.pid, signal.SIGSTOP)
    np.testing.assert_array_equal(pixels(renderer.png(figure_of(2)).result(30)), rasterize(figure_of(2)))
    assert frozen.wait(10) == -signal.SIGKILL
