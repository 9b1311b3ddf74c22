import io

import pytest
import rich

from xinc_lightning.data import progress
from xinc_lightning.data.progress import with_progress


@pytest.fixture
def screen(monkeypatch):
    """What a terminal is shown."""
    console = rich.console.Console(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(rich, "_console", console)
    return console.file


@pytest.mark.parametrize(("patience", "shown"), [(2.0, False), (-1.0, True)])
def test_progress_bar_is_only_shown_for_slow_work(screen, monkeypatch, patience, shown):
    monkeypatch.setattr(progress, "PATIENCE", patience)
    assert list(with_progress(iter("abc"), 3, "Reading a clip")) == ["a", "b", "c"]
    assert ("Reading a clip" in screen.getvalue()) == shown


def test_progress_bar_is_removed_when_reading_fails(screen, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", -1.0)

    def broken():
        yield 1
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(with_progress(broken(), 2, "Reading"))
    assert "\x1b[?25h" in screen.getvalue()  # the cursor is shown again
