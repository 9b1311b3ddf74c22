"""A summary of runs as a run of W&B: the job type is ``summary``, the group that of the runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xinc_lightning.loggers.protocol import EpochResults
from xinc_lightning.loggers.run_rows import summary_row
from xinc_lightning.loggers.wandb_run import WandbRun

PATIENCE = 60.0
"""Seconds that uploads may take: nobody is training meanwhile."""


def log_summary(folder: Path, options: Mapping[str, str], config: Mapping[str, Any]) -> str | None:
    """Log the tables, figures and verdicts of a summary; no failure of W&B is one of the summary.

    Args:
        folder: of the summary, with its record.
        options: of the logger: ``project``, ``entity``, ``group``.
        config: what was summarised.

    Returns:
        Where it is, or the command that sends it later.
    """
    logger = WandbRun(
        save_dir=str(folder),
        name=folder.resolve().name,
        job_type="summary",
        finish_timeout=PATIENCE,
        project=options.get("project"),
        entity=options.get("entity"),
        group=options.get("group"),
    )
    logger.begin("summary", folder, 0, {})
    logger.log_hyperparams(config)
    row = summary_row(folder)
    logger.log_results(EpochResults(0, 0, row.scalars, row.pictures, tables=row.tables))
    _ = logger.experiment.id  # which waits until W&B has started, and knows its address
    where = logger.where()
    logger.close()
    return where
