"""Numba's cache of compiled code on disk: a damaged file costs a compilation and nothing else."""

from typing import Any

from numba.core.caching import IndexDataCacheFile


class _ForgivingFile(IndexDataCacheFile):
    """Files of the cache, those that cannot be read being taken for missing ones; they are written anew."""

    def _load_index(self) -> Any:
        try:
            return super()._load_index()  # type: ignore[no-untyped-call]
        except Exception:  # what a damaged pickle raises can be anything
            return {}

    def _load_data(self, name: str) -> Any:
        try:
            data = super()._load_data(name)  # type: ignore[no-untyped-call]
            if not isinstance(data, tuple):
                raise TypeError(type(data).__name__)
        except Exception as error:
            raise FileNotFoundError(name) from error  # which numba is prepared for
        return data


def forgive_damaged_files() -> None:
    """Make every compiled function, ours and umap-learn's, survive a cache that a crash or a full disk has damaged.

    Numba itself would raise at each call in each later run.
    """
    from numba.core import caching

    caching.IndexDataCacheFile = _ForgivingFile  # type: ignore[misc]
