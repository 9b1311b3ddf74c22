"""What the tests of figures look for in a figure."""

from collections.abc import Callable, Iterator

import pytest
from matplotlib.figure import Figure, FigureBase


def _texts(part: FigureBase) -> Iterator[str]:
    for text in part.findobj(lambda artist: hasattr(artist, "get_text")):
        yield text.get_text()


@pytest.fixture
def words() -> Callable[[Figure], str]:
    """Everything written in a figure."""
    return lambda figure: "\n".join(_texts(figure))
