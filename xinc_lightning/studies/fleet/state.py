"""How far the fits of a plan are, as their run folders tell."""

import os
import re
from pathlib import Path

from xinc_lightning.runs.layout import CHECKPOINTS, LAST, REPORT
from xinc_lightning.studies.fleet.plan import Cell, Plan

LOGS = "logs"
"""Folder among the runs, with what each fit prints."""


def runs_of(plan: Plan) -> dict[str, Path]:
    """The newest run folder of each cell that has one, by the cell's name, in the plan's order."""
    there = newest_runs(plan.runs)
    return {cell.name: there[cell.name] for cell in plan.cells if cell.name in there}


def newest_runs(runs: Path) -> dict[str, Path]:
    """The newest run folder of each name, from one listing of the folder of runs; empty if there is none."""
    newest: dict[str, tuple[int, Path]] = {}
    for entry in os.scandir(runs) if runs.is_dir() else ():
        if match := re.fullmatch(r"(.+)-([0-9]{3,9})", entry.name):
            newest[match[1]] = max(newest.get(match[1], (0, Path())), (int(match[2]), runs / entry.name))
    return {name: run for name, (_, run) in newest.items()}


def is_done(run: Path) -> bool:
    """Whether a fit has reported on its trained network, the last that it does."""
    return (run / REPORT).is_file()


def last_checkpoint(run: Path) -> Path | None:
    """From which a fit that was interrupted is resumed; None if it has not saved one."""
    last = run / CHECKPOINTS / LAST
    return last if last.is_file() else None


def command(cell: Cell, run: Path | None) -> list[str]:
    """Arguments of the command that begins a fit, or resumes it.

    Args:
        cell: the fit.
        run: its run folder, if there is one.
    """
    last = last_checkpoint(run) if run else None
    return [*cell.arguments, *([f"--ckpt_path={last}"] if last else [])]


def log_of(cell: Cell) -> Path:
    """The file with what a fit prints."""
    return cell.runs / LOGS / f"{cell.name}.log"
