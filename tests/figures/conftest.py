"""What the tests of figures look for in a figure."""

from collections.abc import Callable, Iterator
from itertools import combinations

import pytest
from matplotlib.artist import Artist
from matplotlib.figure import Figure, FigureBase
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from xinc_lightning.figures import rasterize

SPACE = 4
"""Dots between two words, or they would be read as one."""


def _texts(part: FigureBase) -> Iterator[str]:
    for text in part.findobj(lambda artist: hasattr(artist, "get_text")):
        yield text.get_text()


@pytest.fixture
def words() -> Callable[[Figure], str]:
    """Everything written in a figure."""
    return lambda figure: "\n".join(_texts(figure))


def _meet(one: Bbox, other: Bbox, apart: float = 0) -> bool:
    """Whether they share more than a line of pixels, or leave less than so many between them sideways."""
    shared = Bbox.intersection(one.padded(apart, 0), other)
    return shared is not None and min(shared.width, shared.height) > 1


@pytest.fixture
def faults(monkeypatch) -> Callable[[Figure], list[str]]:
    """What cannot be read in a figure: words cut off, on other words, or on a picture.

    The numbers on a scatter (annotations) and the arrows on the wheel of directions belong where they are.
    """

    def look(figure: Figure) -> list[str]:
        drawn: list[Text | AxesImage] = []
        with monkeypatch.context() as patch:
            for kind in (Text, AxesImage):

                def draw(artist: Artist, *args, _draw=kind.draw, **kwargs):
                    drawn.append(artist)
                    return _draw(artist, *args, **kwargs)

                patch.setattr(kind, "draw", draw)
            rasterize(figure)
        renderer = figure.canvas.get_renderer()
        box = {artist: artist.get_window_extent(renderer) for artist in drawn}
        written = [one for one in box if type(one) is Text and one.get_visible() and one.get_text().strip()]
        pictures = [one for one in box if isinstance(one, AxesImage)]
        whole = figure.bbox.padded(1)
        return [
            *(f"{w.get_text()!r} is cut off" for w in written if not _within(box[w], whole)),
            *(
                f"{a.get_text()!r} is on {b.get_text()!r}"
                for a, b in combinations(written, 2)
                if _meet(box[a], box[b], apart=SPACE)
            ),
            *(
                f"{w.get_text()!r} is on a picture"
                for w in written
                if w.get_text() not in "→↑←↓" and any(_meet(box[w], box[p]) for p in pictures)
            ),
        ]

    return look


def _within(inner: Bbox, outer: Bbox) -> bool:
    return outer.x0 <= inner.x0 and outer.y0 <= inner.y0 and inner.x1 <= outer.x1 and inner.y1 <= outer.y1
