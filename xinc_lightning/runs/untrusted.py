"""Opening files of an untrusted folder: regular files inside it, no larger than expected."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from xinc_lightning.errors import UserError


class UnreadableError(UserError):
    """A file is invalid; the message continues a sentence that begins with its name: ``is larger than 8 MB``."""


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path, with all links followed, is in a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return False


@contextmanager
def open_regular(path: Path, inside: Path, most: int) -> Iterator[BinaryIO]:
    """Open a file to read it.

    Reading a FIFO, a device or a socket would block, a link could lead anywhere, and a sparse file could be larger than
    the memory.

    Args:
        path: the file.
        inside: the folder in which the file must be, with links resolved.
        most: maximum size in bytes.

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
