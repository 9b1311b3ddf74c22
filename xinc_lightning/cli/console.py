"""How a command ends early, and the parser of our own commands."""

import argparse
import sys
from typing import NoReturn


def fail(message: str, code: int = 1) -> NoReturn:
    """Print one line and exit."""
    print(f"xinc: error: {message}", file=sys.stderr)
    raise SystemExit(code)


class Parser(argparse.ArgumentParser):
    """The parser of one of our own commands, ``xinc NAME``; its errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        fail(f"{self.prog.removeprefix('xinc ')}: {message}.", 2)
