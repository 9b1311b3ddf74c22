"""The one ground file: mistakes that a user can mend, and what was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """A mistake that a user can mend; its message is one clear sentence, shown as it is.

    The command line prints only these, and what its parser refuses, in one line. Every other exception is a bug
    in our code or in a user's own, and keeps its traceback.
    """


def did_you_mean(name: str, options: Iterable[str], most: int = 1) -> str:
    """The end of an error message that offers the names nearest to a mistyped one, or nothing.

    >>> did_you_mean("buny", ["bunny", "davis"])
    "; did you mean 'bunny'?"

    Args:
        name: what was given.
        options: what would be right.
        most: how many names to offer.
    """
    close = get_close_matches(name, list(options), n=most)
    return f"; did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
