"""All logged scalars in one CSV file, which survives interruptions."""

import csv
import io
import itertools
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger

from xinc_lightning.loggers.protocol import EpochResults, RunLogger
from xinc_lightning.runs.atomic import write_atomically
from xinc_lightning.runs.layout import METRICS, REPORT, metrics_part
from xinc_lightning.runs.lightning_private import CSVWriter
from xinc_lightning.runs.scalar_names import FINAL

Row = dict[str, str]


class MetricsFile(CSVLogger, RunLogger):
    """All logged scalars in ``<run>/metrics.csv``, with or without W&B.

    Its column ``epoch`` counts completed epochs, like folders and titles. A resumed run continues the same file; rows
    past the checkpoint, which are logged again, are moved to ``metrics-part1.csv`` and so on.

    Args:
        save_dir: folder of the file, by default the run folder.
    """

    def __init__(self, save_dir: str | None = None) -> None:
        super().__init__(save_dir or ".", name="", version="")

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The writer of the file."""
        if self._experiment is None:
            self._experiment = _Writer(self.log_dir)
        return self._experiment

    def log_results(self, results: EpochResults) -> None:
        """Log the results of an epoch's analyses; they are on disk as soon as the folder with them is."""
        super().log_results(results)
        self.save()

    def has(self, results: EpochResults) -> bool:
        """Whether a row of that epoch has any of these scalars."""
        path = Path(self.log_dir) / METRICS
        rows = _read(path) if path.is_file() else []
        return not results.scalars or any(
            _epoch(row) == results.epoch and any(row.get(name) for name in results.scalars) for row in rows
        )

    def begin(self, command: str, run: Path, epoch: int, position: Mapping[str, Any]) -> None:
        """Continue the file of a run that is resumed after so many epochs."""
        if (
            command == "fit" and epoch and isinstance(writer := self.experiment, _Writer)
        ):  # not on the other ranks
            writer.keep_until(epoch, ended=(run / REPORT).is_file())


class _Writer(CSVWriter):
    """Continues the file of a resumed run, and replaces it atomically when columns are added."""

    NAME_METRICS_FILE = METRICS

    def prepare(self, path: Path) -> None:
        """Keep an existing file until it is known whether this run continues it."""
        self._path = path
        self._resumed = False

    def keep_until(self, epoch: int, ended: bool) -> None:
        """Keep the rows of the first epochs; if there are more, the complete file is saved under another name.

        Args:
            epoch: the last of those epochs.
            ended: whether the run has reported its result; if not, a row of the last epoch with it is logged again.
        """
        self._resumed = True
        if not self._path.exists():
            return
        rows = [row for row in _read(self._path) if ended or _epoch(row) != epoch or not _is_result(row)]
        kept = [row for row in rows if _epoch(row) <= epoch]
        if len(kept) < len(rows):
            write_atomically(_free_name(self._path), self._path.read_bytes())
        self.metrics_keys = sorted({key for row in kept for key, value in row.items() if value})
        _write(self._path, self.metrics_keys, kept)

    def log_metrics(self, metrics_dict: dict[str, float], step: int | None = None) -> None:
        """Add a row; epochs are rounded to integers, because Lightning averages what a module logs."""
        epoch = {"epoch": int(metrics_dict["epoch"])} if "epoch" in metrics_dict else {}
        super().log_metrics({**metrics_dict, **epoch}, step)

    def save(self) -> None:
        """Append the new rows, all of them or none."""
        if not self._resumed and self._path.exists():
            self._path.rename(_free_name(self._path))  # a file of another run is not continued
        self._resumed = True
        size = self._path.stat().st_size if self._path.exists() else 0
        try:
            super().save()
        except OSError:  # a row that is cut off could be taken for a whole one
            with suppress(OSError):
                os.truncate(self._path, size)
            raise

    def rewrite(self, columns: list[str]) -> None:
        """Rewrite the rows with more columns."""
        _write(self._path, columns, _read(self._path))


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(file)]


def _write(path: Path, columns: list[str], rows: list[Row]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def _epoch(row: Row) -> float:
    """The epoch of a row; a row without one, or cut off while it was written, is past every checkpoint."""
    try:
        return float(row["epoch"])
    except (KeyError, ValueError):
        return float("inf")


def _is_result(row: Row) -> bool:
    """Whether a row is the one that a run logs at its end."""
    return any(value and key.startswith(FINAL) for key, value in row.items())


def _free_name(path: Path) -> Path:
    parts = (path.with_name(metrics_part(n)) for n in itertools.count(1))
    return next(part for part in parts if not part.exists())
