"""The paper's experiments: trainings, Figures 3 to 19, our numbers beside the paper's."""

from pathlib import Path

from xinc_lightning.paper.figures import Case, draw_figures
from xinc_lightning.paper.fits import Fit, Plan, carry_out
from xinc_lightning.paper.results import Trained, read_trained
from xinc_lightning.paper.summary import missing_figures, report
from xinc_lightning.runs.atomic import write_atomically

__all__ = ["Case", "Fit", "Plan", "Trained", "reproduce"]

MAIN_CLIPS = 2
"""Clips of the paper's main figures; the supplement has the others."""


def reproduce(plan: Plan) -> Path:
    """Train what is missing, draw the figures, write the report.

    Returns:
        The report's path.

    Raises:
        DataError: if the data cannot be read.
        RunError: if a training fails.
    """
    trained = [read_trained(folder) for folder in carry_out(plan.fits)]
    cases = [
        Case(f"{nerv.clip.name}, seed {nerv.run.seed}", ffn, nerv)
        for ffn, nerv in zip(trained[::2], trained[1::2], strict=True)
    ]
    clips, seeds = len(plan.clips), len(plan.seeds)
    one_a_clip = cases[::seeds]
    others = one_a_clip[MAIN_CLIPS:] if clips > 1 else cases[1:]
    shown = draw_figures(one_a_clip[:MAIN_CLIPS], others, cases[:seeds], plan.out / "figures")
    notes = missing_figures(cases, clips, seeds)
    if plan.fast:
        notes.insert(0, "**A smoke run**: a few epochs of tiny frames. Its numbers mean nothing.")
    path = plan.out / "report.md"
    write_atomically(path, report(cases, shown, notes).encode())
    return path
