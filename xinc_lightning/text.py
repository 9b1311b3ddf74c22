"""Names that came from outside, made fit to be shown: in terminals, figures, tables and pages."""

import re

UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Control characters (which move a terminal's cursor), those that turn the direction of writing, lone surrogates."""


LONGEST = 200
"""Characters of a name that are shown."""


def printable(text: str, longest: int | None = None) -> str:
    r"""A text in one line, with a mark in the place of every character that cannot or must not be shown.

    Args:
        text: anything.
        longest: characters of it that are kept.

    >>> printable("bear\x1b[2J\n$x$")
    'bear\ufffd[2J\ufffd$x$'
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    return UNPRINTABLE.sub("\ufffd", text)


def markdown_cell(text: str) -> str:
    r"""A text as it is in a cell of a table in Markdown: nothing in it is a link, HTML or another cell.

    >>> markdown_cell("[a](b) | <img>")
    '\\[a\\](b) \\| \\<img\\>'
    """
    return re.sub(r"([\\`*{}\[\]<>|#&~!])", r"\\\1", printable(text, LONGEST))
