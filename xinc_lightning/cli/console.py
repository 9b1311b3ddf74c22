"""One-line errors and notes, and the parser of our own commands."""

import argparse
import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from xinc_lightning.errors import UserError
from xinc_lightning.text import printable

if TYPE_CHECKING:  # importing the reader would slow down commands that do not need it
    from xinc_lightning.runs.reader import Run


def fail(message: str, code: int = 1) -> NoReturn:
    """Print one line and exit."""
    print(f"xinc: error: {printable(message)}", file=sys.stderr)
    raise SystemExit(code)


@contextmanager
def one_line_errors(command: str = "") -> Iterator[None]:
    """Print a :class:`UserError` as one line and exit with 1.

    Every other exception propagates, and Python shows its traceback. With ``XINC_TRACEBACK=1`` in the environment
    the traceback of a :class:`UserError` is shown, too.

    Args:
        command: prefix of the line, unless empty.
    """
    try:
        yield
    except UserError as error:
        if os.environ.get("XINC_TRACEBACK"):
            traceback.print_exception(error)
        line = " ".join(str(error).split())
        fail(f"{command}: {line}" if command else line)


def say(message: str) -> None:
    """Print one line of results."""
    print(printable(message))


def note(message: str) -> None:
    """Print one line about a problem that does not stop the command."""
    print(f"note: {printable(message)}", file=sys.stderr)


@contextmanager
def reading_runs(command: str) -> "Iterator[list[Run]]":
    """A list for the runs that a command reads; at the end, also after an error, their problems are printed.

    A :class:`UserError` ends the command as in :func:`one_line_errors`.
    """
    runs: list[Run] = []
    with one_line_errors(command):
        try:
            yield runs
        finally:
            for run in runs:
                for problem in run.problems:
                    note(f"{run.name}: {problem}")


class StreamThatMayEnd:
    """Standard output whose reader may end, as ``head`` does: what is written from then on goes nowhere.

    Args:
        stream: the real one, which has everything that is not here.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or go on without a reader."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        """Flush, or go on without a reader."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._give_up()

    def _give_up(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Parser(argparse.ArgumentParser):
    """The parser of one of our own commands, ``xinc NAME``; its errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        fail(f"{self.prog.removeprefix('xinc ')}: {message}.", 2)
