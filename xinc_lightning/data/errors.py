"""The error class of this subpackage, and errors of the operating system as one sentence."""

import errno
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from xinc_lightning.errors import UserError, did_you_mean


class DataError(UserError):
    """Data that cannot be used; its message is one clear sentence, shown as it is."""


def existing(path: Path, also: Iterable[str] = ()) -> Path:
    """Return the path if something readable is there.

    Args:
        path: file or folder.
        also: names, other than those in its folder, that the user may have meant.

    Raises:
        DataError: nothing is there, it may not be read, it is a symbolic link that leads back to itself, or neither
            file nor folder: a pipe in the place of a picture would be waited for without end.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        parent = next(folder for folder in path.absolute().parents if folder.is_dir())
        missing = path.absolute().relative_to(parent).parts[0]
        hint = did_you_mean(missing, [*also, *names_in(parent)])
        raise DataError(f"'{path}' does not exist: there is no '{missing}' in '{parent}'{hint}") from None
    except OSError as error:
        raise DataError(f"'{path}' cannot be opened: {reason(error)}") from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise DataError(f"'{path}' is neither a file nor a folder")
    return path


def plain_name(name: str, source: Path) -> str:
    """Return the name that a dataset gives one of its files or folders, if it stays where the dataset puts it.

    Raises:
        DataError: it leads elsewhere, as ``../x`` and ``/x`` do.
    """
    if not name or name in (".", "..") or set(name) & set("/\\\0"):
        raise DataError(f"'{source}' names '{name}', which leads out of its folder")
    return name


def names_in(folder: Path) -> list[str]:
    """Names of the entries of a folder, sorted as text.

    Raises:
        DataError: the folder may not be listed.
    """
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise DataError(f"'{folder}' cannot be listed: {reason(error)}") from None


@contextmanager
def in_plain_words() -> Iterator[None]:
    """Turn what the operating system refuses into a DataError."""
    try:
        yield
    except OSError as error:
        raise DataError(f"'{error.filename}' cannot be opened: {reason(error)}") from None


def reason(error: OSError) -> str:
    """What the operating system said, in plain words."""
    if error.errno == errno.ELOOP:
        return "it is a symbolic link that leads back to itself"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "permission denied"
    return error.strerror or str(error)
