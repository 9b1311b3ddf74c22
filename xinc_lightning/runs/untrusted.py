"""Opening files of a folder that somebody else may have filled: regular ones, inside it, no larger than expected."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from xinc_lightning.errors import UserError


class UnreadableError(UserError):
    """A file is not what it should be; the message goes on after its name: ``is larger than 8 MB``."""


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path, with all links followed, is in a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return False


@contextmanager
def open_regular(path: Path, inside: Path, most: int) -> Iterator[BinaryIO]:
    """Open a file to read it.

    A FIFO, a device or a socket would be waited for, a link could lead anywhere, a sparse file could hold more
    than there is memory.

    Args:
        path: the file.
        inside: the folder that it must not lead out of.
        most: bytes that it may have.

    Raises:
        FileNotFoundError: if there is none.
        UnreadableError: if it is anything but a regular file in that folder, or too large, or may not be read.
    """
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(inside.resolve()):
            raise UnreadableError("is a link that leads out of the run")
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(real, flags | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle; ValueError: NUL
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(f"cannot be opened ({getattr(error, 'strerror', None) or error})") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        os.close(descriptor)
        regular = stat.S_ISREG(found.st_mode)
        raise UnreadableError(f"is larger than {most / 1e6:,.0f} MB" if regular else "is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_bytes(path: Path, inside: Path, most: int) -> bytes:
    """All of a file; arguments and errors as of :func:`open_regular`."""
    with open_regular(path, inside, most) as file:
        try:
            return file.read(most)
        except OSError as error:
            raise UnreadableError(f"cannot be read ({error.strerror})") from None
