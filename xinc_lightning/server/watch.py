"""What changes in run folders while networks are trained: files' times are looked at, and only what changed is read."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinc_lightning.explorer.build import curves_of
from xinc_lightning.runs.layout import ANALYSES, REPORT, SETTINGS, metrics_files, snapshot_folders
from xinc_lightning.runs.metrics import read_metrics
from xinc_lightning.runs.reader import Run, RunError, read_run

Stamp = tuple[Any, ...]
"""Names, times and sizes: equal as long as nothing is written."""


@dataclass(frozen=True)
class Change:
    """What the page is told.

    Attributes:
        run: its number.
        snapshots: epochs that were analysed, first or again; None where only the metrics grew.
        curves: new points of the curves, by name.
    """

    run: int
    snapshots: tuple[int, ...] | None = None
    curves: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)


class RunFolders:
    """Runs that may still be trained.

    Args:
        paths: their folders.

    Raises:
        RunError: if one is no run's folder.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self._lock = threading.Lock()
        self._stamps = [(_snapshots_stamp(path), _metrics_stamp(path)) for path in self.paths]
        self._runs = [read_run(path, analysed=False) for path in self.paths]

    @property
    def runs(self) -> list[Run]:
        """The runs as they were read last."""
        return self._runs

    def check(self) -> list[Change]:
        """Read what has changed since the last call."""
        with self._lock:
            return [change for r in range(len(self.paths)) if (change := self._check(r)) is not None]

    def _check(self, r: int) -> Change | None:
        path, (snapshots, metrics) = self.paths[r], self._stamps[r]
        now = (_snapshots_stamp(path), _metrics_stamp(path))
        if now == (snapshots, metrics):
            return None
        before = self._runs[r]
        if now[0] != snapshots:
            try:
                run = read_run(path, analysed=False)
            except RunError:  # it is being moved or removed: what was read stays
                return None
            written = tuple(
                sorted(dict(now[0][1:]).keys() - {e for e, s in snapshots[1:] if (e, s) in now[0]})
            )
        else:
            found = read_metrics(path, before.problems.say)
            run = Run(before.path, before.config, before.final, found, before.snapshots, before.problems)
            written = None
        runs = [*self._runs]
        runs[r] = run
        self._runs, self._stamps[r] = runs, now
        return Change(r, written, _new_points(curves_of(before), curves_of(run)))


def _snapshots_stamp(path: Path) -> Stamp:
    """The report, then each epoch with the time of its settings, which are written last."""
    found = snapshot_folders(path / ANALYSES)
    return (_stamp(path / REPORT), *((epoch, _stamp(folder / SETTINGS)) for epoch, folder in found.items()))


def _metrics_stamp(path: Path) -> Stamp:
    return tuple((file.name, _stamp(file)) for file in metrics_files(path))


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _new_points(
    before: dict[str, tuple[list[float], list[float]]], after: dict[str, tuple[list[float], list[float]]]
) -> dict[str, tuple[list[float], list[float]]]:
    """Points of curves that were not there, or had another value."""
    found = {}
    for name, (epochs, values) in after.items():
        known = dict(zip(*before.get(name, ([], [])), strict=True))
        new = [(e, v) for e, v in zip(epochs, values, strict=True) if e not in known or known[e] != v]
        if new:
            found[name] = ([e for e, _ in new], [v for _, v in new])
    return found
