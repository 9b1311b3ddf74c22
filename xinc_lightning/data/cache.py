"""Caches slow computations about a file in the user's cache folder until the file changes."""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """The cache folder: ``$XDG_CACHE_HOME/xinc_lightning`` or ``~/.cache/xinc_lightning``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "xinc_lightning"


def cache_file(path: Path) -> Path | None:
    """The cache file of a file; None where there is no home folder."""
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    try:
        return cache_folder() / f"{path.stem}-{name}.json"
    except RuntimeError:
        return None


def stamp(path: Path, layout: int) -> list[Any]:
    """What must be unchanged for a cache file to be valid: the file's path, modification time and size.

    Args:
        path: the file that the cache is about.
        layout: version of the cached data.
    """
    status = path.stat()
    return [layout, str(path.resolve()), status.st_mtime_ns, status.st_size]


def write_cache(cache: Path | None, content: bytes) -> None:
    """Replace a cache file atomically, so that no other process reads an incomplete one."""
    if cache is None:
        return
    # Whether the folder is read-only or the disk full, the clip is opened all the same.
    with suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache.parent) as folder:
            path = Path(folder) / cache.name
            path.write_bytes(content)
            path.replace(cache)
