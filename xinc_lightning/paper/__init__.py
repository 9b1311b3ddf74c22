"""The paper's experiments: trainings, Figures 3 to 19, our numbers beside the paper's."""

from collections.abc import Callable
from pathlib import Path

from xinc_lightning.paper.figures import Case, draw_figures
from xinc_lightning.paper.fits import Experiment, train
from xinc_lightning.paper.results import Trained, read_trained
from xinc_lightning.paper.summary import missing_figures, report
from xinc_lightning.runs.atomic import write_atomically
from xinc_lightning.studies.fleet.fleet import Engine

__all__ = ["Case", "Experiment", "Trained", "reproduce"]

MAIN_CLIPS = 2
"""Clips of the paper's main figures; the supplement has the others."""


def reproduce(experiment: Experiment, engine: Callable[[], Engine]) -> Path:
    """Train what is missing, draw the figures, write the report.

    Args:
        experiment: what to reproduce.
        engine: makes what runs the trainings, if any are missing.

    Returns:
        The report's path.

    Raises:
        DataError: if the data cannot be read.
        RunError: if a training fails.
    """
    pairs = [(read_trained(ffn), read_trained(nerv)) for ffn, nerv in train(experiment.plan(), engine)]
    cases = [Case(f"{nerv.clip.name}, seed {nerv.run.seed}", ffn, nerv) for ffn, nerv in pairs]
    clips, seeds = len(experiment.clips), len(experiment.seeds)
    one_a_clip = cases[::seeds]
    others = one_a_clip[MAIN_CLIPS:] if clips > 1 else cases[1:]
    shown = draw_figures(one_a_clip[:MAIN_CLIPS], others, cases[:seeds], experiment.out / "figures")
    notes = missing_figures(cases, clips, seeds)
    if experiment.fast:
        notes.insert(0, "**A smoke run**: a few epochs of tiny frames. Its numbers mean nothing.")
    path = experiment.out / "report.md"
    write_atomically(path, report(cases, shown, notes).encode())
    return path
