from hypothesis import given
from hypothesis import strategies as st

from xinc_lightning.text import markdown_cell, printable


@given(st.text(alphabet=st.characters(codec=None)))
def test_nothing_that_moves_a_cursor_or_cannot_be_encoded_is_left(text):
    shown = printable(text)
    assert len(shown) == len(text)
    shown.encode("utf-8")
    assert not {"\n", "\r", "\x1b", "\x9b", "\u202e"} & set(shown)


def test_names_keep_what_is_only_unusual():
    assert printable("bear [old] — niño 熊 $x$") == "bear [old] — niño 熊 $x$"
    assert printable("a" * 30, longest=10) == "a" * 9 + "…"


def test_markdown_shows_a_name_as_it_is():
    assert markdown_cell("bear [old]|<b>") == "bear \\[old\\]\\|\\<b\\>"
