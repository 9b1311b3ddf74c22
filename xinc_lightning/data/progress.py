"""A progress bar for what turns out to be slow."""

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
PATIENCE = 2.0
"""Seconds before the bar appears."""


def with_progress(items: Iterable[Item], total: int | None, description: str) -> Iterator[Item]:
    """Yield the items; show a bar, gone at the end, once they have taken ``PATIENCE`` seconds."""
    start = monotonic()
    bar = None
    try:
        for done, item in enumerate(items):
            if bar is None and monotonic() - start > PATIENCE:
                from rich.progress import Progress

                bar = Progress(transient=True)
                task = bar.add_task(description, total=total)
                bar.start()
            if bar is not None:
                bar.update(task, completed=done)
            yield item
    finally:
        if bar is not None:
            bar.stop()
