"""Names from outside are shown as they are, and can do nothing but be shown."""

import pytest

from xinc_lightning.text import markdown_cell, printable


@pytest.mark.parametrize("bad", ["\x1b[2J", "\n", "\r", "\x00", "\x9b", "\ud800", "\u202e", "\u2028", "\x7f"])
def test_what_moves_the_cursor_or_cannot_be_encoded_is_replaced(bad):
    assert printable(f"a{bad}b").replace("[2J", "") == "a\ufffdb"
    printable(bad).encode()


@pytest.mark.parametrize("name", ["bear", "日本", "größe $x$ [/b]", "café\u0301", "a\u200db"])
def test_other_names_are_left_as_they_are(name):
    assert printable(name) == name


def test_long_names_are_cut():
    assert printable("x" * 300, 10) == "x" * 9 + "…"


def test_a_cell_is_neither_link_nor_html_nor_two_cells():
    assert markdown_cell("[a](javascript:b)|<img src=x>\n#") == (
        "\\[a\\](javascript:b)\\|\\<img src=x\\>\ufffd\\#"
    )
    assert markdown_cell("grid_median") == "grid_median"
