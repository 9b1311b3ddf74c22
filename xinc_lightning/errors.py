"""Errors that users can fix themselves, and suggestions for misspelt names."""

from collections.abc import Iterable
from difflib import get_close_matches

INTERRUPTED, KILLED, TERMINATED = 130, 137, 143
"""Exit codes of a process that SIGINT, SIGKILL or SIGTERM ends, as a shell gives them."""


class UserError(ValueError):
    """An error that the user can fix; its message is one clear sentence, shown as it is.

    The command line prints only these errors, and those of its parser, in one line. Every other exception is a bug
    in our code or in a user's own, and keeps its traceback.
    """


def did_you_mean(name: str, options: Iterable[str], most: int = 1) -> str:
    """The end of an error message that suggests the names nearest to a misspelt one, or nothing.

    >>> did_you_mean("buny", ["bunny", "davis"])
    "; did you mean 'bunny'?"

    Args:
        name: the given name.
        options: the valid names.
        most: maximum number of suggestions.
    """
    close = get_close_matches(name, list(options), n=most)
    return f"; did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
