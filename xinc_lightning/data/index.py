"""One clip's annotations out of a dataset's JSON file, which is parsed once and cached clip by clip."""

import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich import get_console

from xinc_lightning.data.cache import cache_file, stamp, write_cache
from xinc_lightning.data.errors import DataError, existing, reason

LARGE = 20_000_000
"""Bytes of JSON that take longer than two seconds to take apart."""

LAYOUT = 1
"""Raise it when what the readers keep of a JSON file changes: older cache files are then made anew."""


def read_json(path: Path, replaced: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Parse a JSON file.

    Args:
        path: of the file.
        replaced: returns what takes the place of each object, called as soon as it is parsed.

    Raises:
        DataError: it is missing, cut off or otherwise not JSON.
    """
    try:
        return json.loads(existing(path).read_text(encoding="utf-8"), object_hook=replaced)
    except json.JSONDecodeError as error:
        raise DataError(f"'{path}' is not complete JSON: {error.msg} at line {error.lineno}") from None
    except UnicodeDecodeError:
        raise DataError(f"'{path}' is not complete JSON: it is not UTF-8 text") from None
    except (RecursionError, ValueError):
        raise DataError(
            f"'{path}' is no JSON that can be read: nested too deep, or a number too long"
        ) from None
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {reason(error)}") from None


class ClipIndex:
    """The clips of one annotation file.

    A cache file holds a line that tells where each clip's annotations are, then these. So opening a clip
    reads some kilobytes where the original takes tens of megabytes. It counts only for the original's
    modification time and size, and does without if the cache folder cannot be written.

    Args:
        path: the JSON file.
        split: takes its content apart into what all clips share and the annotations of each,
            which may be JSON in bytes.
        replaced: see :func:`read_json`; keeps down the memory that a large file takes.

    Attributes:
        shared: what all clips share.
        clip_ids: in the order of the file.

    Raises:
        DataError: the file is not JSON, or ``split`` does not find what it looks for.
    """

    def __init__(
        self,
        path: Path,
        split: Callable[[Any], tuple[Any, dict[str, Any]]],
        replaced: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        self.path = path
        self._split, self._replaced = split, replaced
        self._entries: dict[str, Any] | None = None
        self._stamp = stamp(existing(path), LAYOUT)
        self._cache = cache_file(path)
        header = self._cached_header()
        if header is None:
            header = self._parse()
        self.shared: Any = header["shared"]
        self._places: dict[str, list[int]] = header["places"]
        self.clip_ids = list(self._places)

    def entry(self, clip_id: str) -> Any:
        """Annotations of one clip."""
        if self._entries is None and self._cache is not None:
            start, length = self._places[clip_id]
            try:
                with self._cache.open("rb") as file:
                    file.seek(len(file.readline()) + start)
                    return json.loads(file.read(length))
            except (OSError, ValueError):  # gone or damaged since
                self._parse()
        assert self._entries is not None
        entry = self._entries[clip_id]
        return json.loads(entry) if isinstance(entry, bytes) else entry

    def _cached_header(self) -> dict[str, Any] | None:
        if self._cache is None:
            return None
        try:
            with self._cache.open("rb") as file:
                header: dict[str, Any] = json.loads(file.readline())
                complete = (
                    header["stamp"] == self._stamp
                    and header["bytes"] == os.fstat(file.fileno()).st_size - file.tell()
                )
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return header if complete else None

    def _parse(self) -> dict[str, Any]:
        large = self.path.stat().st_size > LARGE
        with get_console().status(f"Reading {self.path.name}, this once") if large else nullcontext():
            try:
                shared, self._entries = self._split(read_json(self.path, self._replaced))
            except DataError:
                raise
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                raise DataError(
                    f"'{self.path}' is JSON but not laid out as the dataset's own scripts write it: "
                    f"{type(error).__name__} {error}"
                ) from None
            parts = {
                name: entry if isinstance(entry, bytes) else json.dumps(entry).encode()
                for name, entry in self._entries.items()
            }
            places, start = {}, 0
            for name, part in parts.items():
                places[name] = [start, len(part)]
                start += len(part)
            header = {"stamp": self._stamp, "bytes": start, "shared": shared, "places": places}
            write_cache(self._cache, json.dumps(header).encode() + b"\n" + b"".join(parts.values()))
        return header
