"""Atomic writing of files and folders: complete or absent, even if the process is killed or the power fails."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from xinc_lightning.errors import UserError

UNFINISHED, OLD = ".unfinished", ".old"

WRITERS = 8
"""Files of a folder that are flushed to disk at the same time."""


class OutputError(UserError):
    """An output file that the user requested cannot be written."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that appears under its name only when it is completely on disk.

    It is written to a temporary file in the same folder, because another folder could be on another disk. An existing
    link is replaced, not followed.

    Raises:
        OSError: if it cannot be written; what was there before is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _beside(path, UNFINISHED)
    _remove(aside)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(aside, flags, 0o666), "wb") as file:
            file.write(content)
        _to_disk(aside)
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise
    _to_disk(path.parent)  # or the new name may be lost with the power


def save(path: Path, content: bytes) -> None:
    """Write an output file that the user requested, see :func:`write_atomically`.

    Raises:
        OutputError: if it cannot be written, as one sentence; an existing file is unchanged.
    """
    with one_sentence(path):
        write_atomically(path, content)


@contextmanager
def one_sentence(path: Path) -> Iterator[None]:
    """Turn an error of writing a file into one sentence.

    Raises:
        OutputError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        where = str(error.filename or path)
        at = f" ('{where}')" if where != str(path) and UNFINISHED not in where else ""
        raise OutputError(f"'{path}' cannot be written: {error.strerror or error}{at}.") from None


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to fill, which becomes ``folder`` once all of it is on disk.

    An existing folder is replaced: it is renamed, and deleted when the new one is in its place. :func:`tidy` repairs
    what a process that is killed in between leaves behind.
    """
    aside, old = _beside(folder, UNFINISHED), _beside(folder, OLD)
    _remove(aside)
    aside.mkdir(parents=True)
    try:
        yield aside
        with ThreadPoolExecutor(WRITERS) as pool:  # a disk writes several files in the time of one
            list(pool.map(_to_disk, [*aside.rglob("*"), aside]))
    except Exception:
        shutil.rmtree(aside, ignore_errors=True)  # free the space on a full disk
        raise
    if folder.exists():
        _remove(old)
        folder.rename(old)
    aside.rename(folder)
    _to_disk(folder.parent)
    _remove(old)


def tidy(parent: Path) -> None:
    """Restore renamed folders that were not replaced, and delete unfinished ones."""
    for old in sorted(parent.glob(f".*{OLD}")):
        folder = parent / old.name[1 : -len(OLD)]
        if folder.exists():
            _remove(old)
        else:
            old.rename(folder)
    for aside in sorted(parent.glob(f".*{UNFINISHED}")):
        _remove(aside)


def _remove(path: Path) -> None:
    """Remove a file, folder or link (not its target), if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(f".{folder.name}{suffix}")


def _to_disk(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk."""
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):  # folders cannot be opened on Windows
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
