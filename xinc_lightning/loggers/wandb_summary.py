"""What was found in several runs as a run of W&B: the job type says what was done, the group is that of the runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xinc_lightning.loggers.protocol import EpochResults
from xinc_lightning.loggers.run_rows import summary_row
from xinc_lightning.loggers.wandb_run import WandbRun

PATIENCE = 60.0
"""Seconds that uploads may take: nobody is training meanwhile."""


def log_summary(
    folder: Path, options: Mapping[str, str], config: Mapping[str, Any], job_type: str = "summary"
) -> str | None:
    """Log tables, figures and numbers, as the folder's record lists them; a failure of W&B is no error.

    Args:
        folder: with its record.
        options: of the logger: ``project``, ``entity``, ``group``.
        config: what was summarised.
        job_type: ``summary`` or ``pruning``.

    Returns:
        Where it is, or the command that sends it later.
    """
    logger = WandbRun(
        save_dir=str(folder),
        name=folder.resolve().name,
        job_type=job_type,
        finish_timeout=PATIENCE,
        project=options.get("project"),
        entity=options.get("entity"),
        group=options.get("group"),
    )
    logger.begin(job_type, folder, 0, {})
    logger.log_hyperparams(config)
    row = summary_row(folder)
    logger.log_results(EpochResults(0, 0, row.scalars, row.pictures, tables=row.tables))
    _ = logger.experiment.id  # which waits until W&B has started, and knows its address
    where = logger.where()
    logger.close()
    return where
