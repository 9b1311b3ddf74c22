"""Sanitising of external names before they are shown in terminals, figures, tables and pages."""

import re

UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Control characters (which move a terminal's cursor), those that change the writing direction, lone surrogates."""


LONGEST = 200
"""Most characters of a name that are shown."""


def printable(text: str, longest: int | None = None) -> str:
    r"""A text in one line, with U+FFFD in place of every character that cannot or must not be shown.

    Args:
        text: any text.
        longest: maximum number of characters.

    >>> printable("bear\x1b[2J\n$x$")
    'bear\ufffd[2J\ufffd$x$'
    """
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    return UNPRINTABLE.sub("\ufffd", text)


def markdown_cell(text: str) -> str:
    r"""A text escaped for a cell of a Markdown table: without links, HTML or cell separators.

    >>> markdown_cell("[a](b) | <img>")
    '\\[a\\](b) \\| \\<img\\>'
    """
    return re.sub(r"([\\`*{}\[\]<>|#&~!])", r"\\\1", printable(text, LONGEST))
