"""Rows of a run's epochs for W&B, read from the run folder; the one row of a summary of runs."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinc_lightning.runs.layout import SUMMARY
from xinc_lightning.runs.scalar_names import current_name


@dataclass
class Row:
    """All that is logged of one epoch.

    Attributes:
        epoch: epochs completed.
        scalars: numbers by name.
        pictures: PNG files by name.
        pages: HTML by name.
        tables: CSV files by name.
        caption: of the pictures.
    """

    epoch: int
    scalars: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, Path] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    tables: dict[str, Path] = field(default_factory=dict)
    caption: str = ""


def rows_of(run: Path) -> dict[int, Row]:
    """Rows by epoch: numbers from ``metrics.csv``, pictures and pages from the folders of the analyses."""
    rows: dict[int, Row] = {}
    for line in _lines(run / "metrics.csv"):
        try:
            epoch = int(float(line["epoch"]))
            step = int(float(line.get("step") or 0))
            numbers = {current_name(key): float(value) for key, value in line.items() if key and value}
        except (KeyError, TypeError, ValueError):
            continue  # cut off while it was written
        row = rows.setdefault(epoch, Row(epoch))
        row.scalars |= {key: value for key, value in numbers.items() if key != "step"}
        row.scalars |= {"epoch": epoch, "trainer/global_step": step}
    for epoch, row in rows.items():
        folder = run / "analyses" / f"epoch={epoch:04d}"
        row.caption = f"epoch {epoch}, step {row.scalars['trainer/global_step']}"
        row.pictures = {_name(path, folder): path for path in sorted(folder.rglob("*.png"))}
        row.pages = {_name(path, folder): path.read_text("utf-8") for path in sorted(folder.glob("*.html"))}
    return dict(sorted(rows.items()))


def summary_row(folder: Path) -> Row:
    """All that is logged of a summary of runs, as its record lists it.

    Raises:
        OSError: if there is no record.
        ValueError: if it is damaged.
    """
    record = json.loads((folder / SUMMARY).read_text("utf-8"))
    return Row(
        epoch=0,
        scalars={
            "epoch": 0,
            **{name: value for name, value in record["scalars"].items() if value is not None},
        },
        pictures={name: folder / f"{name}.png" for name in record["figures"]},
        tables={name: folder / f"{name}.csv" for name in record["tables"]},
        caption=record["title"],
    )


def _lines(path: Path) -> list[Mapping[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def _name(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder).with_suffix(""))
