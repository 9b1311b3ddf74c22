"""Drawing in another process."""

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

from xinc_lightning.figures import Painter, png_now, rasterize
from xinc_lightning.figures.style import new_figure


def figure_of(number):
    figure = new_figure(2, 1, f"number {number}")
    figure.subplots().plot([0, number])
    return figure


@pytest.fixture
def painter():
    painter = Painter()
    yield painter
    painter.close()


def pixels(png):
    return np.asarray(Image.open(BytesIO(png)))


def test_it_draws_what_would_be_drawn_here(painter):
    drawn = [painter.png(figure_of(number)) for number in range(3)]
    for number, picture in enumerate(drawn):
        np.testing.assert_array_equal(pixels(picture.result()), rasterize(figure_of(number)))
        assert picture.result() == png_now(figure_of(number)).result()
    assert painter._process.pid != os.getpid()


def test_later_changes_of_a_figure_are_not_drawn(painter):
    figure = figure_of(1)
    drawn = painter.png(figure)
    figure.axes[0].set_facecolor("red")
    np.testing.assert_array_equal(pixels(drawn.result()), rasterize(figure_of(1)))


def test_what_cannot_travel_is_drawn_here(painter):
    figure = figure_of(1)
    figure.axes[0].xaxis.set_major_formatter(lambda value, place: "x")
    assert pixels(painter.png(figure).result()).shape == (100, 200, 3)
    assert painter._process is None


class Broken(Artist):
    """Cannot be drawn."""

    def draw(self, renderer):
        raise ZeroDivisionError("nothing to draw")


def test_what_cannot_be_drawn_raises_its_own_error_and_costs_nothing_else(painter):
    broken = figure_of(1)
    broken.add_artist(Broken())
    before, failed, after = (painter.png(f) for f in (figure_of(0), broken, figure_of(2)))
    with pytest.raises(ZeroDivisionError, match="nothing to draw"):
        failed.result()
    for number, picture in ((0, before), (2, after)):
        np.testing.assert_array_equal(pixels(picture.result()), rasterize(figure_of(number)))


def test_a_killed_process_costs_nothing(painter):
    painter.png(figure_of(0)).result()
    painter._process.kill()
    np.testing.assert_array_equal(pixels(painter.png(figure_of(1)).result()), rasterize(figure_of(1)))


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes as Linux shows them")
def test_it_ends_with_the_one_it_draws_for():
    program = (
        "import os; from xinc_lightning.figures import *; from xinc_lightning.figures.style import new_figure\n"
        "painter = Painter(); painter.png(new_figure(1, 1, '')).result(); print(painter._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    state = Path(f"/proc/{int(ended.stdout)}/stat")
    deadline = time.monotonic() + 20
    while state.exists() and state.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline, "the process that draws outlives the one it draws for"
        time.sleep(0.05)


def test_a_frozen_process_is_given_up_and_the_figure_is_drawn_here(painter, monkeypatch):
    monkeypatch.setattr("xinc_lightning.figures.painter.LONGEST", 1.0)
    painter.png(figure_of(1)).result()
    frozen = painter._process
    os.kill(frozen.pid, signal.SIGSTOP)
    np.testing.assert_array_equal(pixels(painter.png(figure_of(2)).result(30)), rasterize(figure_of(2)))
    assert frozen.wait(10) == -signal.SIGKILL
