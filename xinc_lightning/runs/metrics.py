"""Reading ``metrics.csv``: all scalars logged in training, by completed epochs."""

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from xinc_lightning.runs.layout import metrics_files
from xinc_lightning.runs.scalar_names import current_name
from xinc_lightning.runs.untrusted import UnreadableError, open_regular
from xinc_lightning.text import LONGEST

MOST_BYTES = 1 << 25
"""Of a file; 600 epochs of 1,000 numbers take 7 MB."""

MOST_COLUMNS = 20_000


@dataclass
class Metrics:
    """Logged scalars.

    Attributes:
        curves: by name, the value at each epoch; the last one if a resumed run logged it twice.
        last: by name, the last value, also of scalars logged before the first epoch.
    """

    curves: dict[str, dict[float, float]] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)

    def at(self, name: str) -> dict[float, float]:
        """A scalar over the epochs; empty if it was never logged."""
        return self.curves.get(name, {})


def read_metrics(run: Path, say: Callable[[Path, str], None]) -> Metrics:
    """Read all metrics files of a run.

    Args:
        run: the run's folder.
        say: told what is left out: the file, and the half of a sentence.
    """
    metrics = Metrics()
    for path in metrics_files(run):
        try:
            with open_regular(path, run, MOST_BYTES) as file:
                lost = _read(io.TextIOWrapper(file, "utf-8", "replace", newline=""), metrics)
            if lost:
                say(path, f"has {lost:,} values that are no numbers")
        except csv.Error as error:
            say(path, f"cannot be read to its end ({error})")
        except UnreadableError as error:
            say(path, str(error))
    return metrics


def _read(text: io.TextIOWrapper, metrics: Metrics) -> int:
    """Add the rows of a file; returns how many of its values are none."""
    rows = csv.reader(text)
    names = [current_name(name) for name in next(rows, [])]
    if len(names) > MOST_COLUMNS:
        raise UnreadableError(f"has more than {MOST_COLUMNS:,} columns")
    lost = 0
    for row in rows:
        values = dict(zip(names, row, strict=False))
        epoch = _number(values.pop("epoch", ""))
        values.pop("step", None)
        for name, text_of_value in values.items():
            if not name or not text_of_value or len(name) > LONGEST:
                continue
            value = _number(text_of_value)
            if value is None:
                lost += 1
                continue
            metrics.last[name] = value
            if epoch is not None and math.isfinite(epoch):
                metrics.curves.setdefault(name, {})[epoch] = value
    return lost


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
