"""The record of what a command found in several runs, and its run of W&B, if the runs were logged there."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xinc_lightning.cli.console import say
from xinc_lightning.runs.atomic import one_sentence
from xinc_lightning.runs.layout import SUMMARY
from xinc_lightning.runs.reader import Run
from xinc_lightning.runs.records import without_nan, write_json
from xinc_lightning.studies.summary import wandb_options


def write_record(
    folder: Path,
    title: str,
    figures: Sequence[str],
    tables: Sequence[str],
    scalars: Mapping[str, float],
    config: Mapping[str, Any],
) -> None:
    """Write down which of a folder's files and numbers are logged, now or by ``xinc sync`` later.

    Raises:
        OutputError: if the folder cannot be written to.
    """
    listed = {"title": title, "figures": [*figures], "tables": [*tables], "scalars": without_nan(scalars)}
    with one_sentence(folder / SUMMARY):
        write_json(folder / SUMMARY, {**config, **listed})


def log_study(folder: Path, runs: Sequence[Run], config: Mapping[str, Any], job_type: str) -> None:
    """Log a folder's tables, figures and numbers as one run, and print where it is.

    Args:
        folder: with the record of what is to be logged.
        runs: whose project and group are used, if they share them.
        config: what was done.
        job_type: of the run.
    """
    options = wandb_options(runs)
    if options is not None and os.environ.get("WANDB_MODE") != "disabled":
        from xinc_lightning.loggers.wandb_summary import log_summary  # torch and wandb, only when needed

        say(f"W&B: {log_summary(folder, options, config, job_type)}")
