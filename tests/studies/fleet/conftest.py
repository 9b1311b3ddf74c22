"""Cells that need no config."""

from pathlib import Path

import pytest

from xinc_lightning.studies.fleet.plan import Cell


@pytest.fixture
def cell(tmp_path):
    """Makes a cell of a name."""

    def make(name: str) -> Cell:
        return Cell(name, {"seed": name}, ("own.yaml",), {"seed_everything": 1}, {}, tmp_path / "runs")

    (tmp_path / "runs").mkdir()
    return make


@pytest.fixture
def write_log():
    """Writes what a fit has printed."""

    def write(cell: Cell, text: str) -> Path:
        path = cell.runs / "logs" / f"{cell.name}.log"
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(text)
        return path

    return write
