"""How a command ends early, and the parser of our own commands."""

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:  # reading runs takes packages that other commands need not wait for
    from xinc_lightning.runs.reader import Run


def fail(message: str, code: int = 1) -> NoReturn:
    """Print one line and exit."""
    print(f"xinc: error: {message}", file=sys.stderr)
    raise SystemExit(code)


def note(message: str) -> None:
    """Print one line about what is not as it should be, and go on."""
    print(f"note: {message}", file=sys.stderr)


def note_problems(runs: "Iterable[Run]") -> None:
    """Say what could not be read of these runs and was left out."""
    for run in runs:
        for problem in run.problems:
            note(f"{run.name}: {problem}")


class Parser(argparse.ArgumentParser):
    """The parser of one of our own commands, ``xinc NAME``; its errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        fail(f"{self.prog.removeprefix('xinc ')}: {message}.", 2)
