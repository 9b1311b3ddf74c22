"""Figures for Lightning's TensorBoardLogger, which by itself only logs scalars."""

import shlex
from typing import Any

import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image

from xinc_lightning.loggers.protocol import EpochResults, RunLogger
from xinc_lightning.runs.scalar_names import media_name


class TensorBoardPictures(RunLogger):
    """Adds the figures of the analyses to a TensorBoardLogger, at the steps of its scalars.

    Pages and the table of neurons, which TensorBoard does not support, are in the run folder.

    Args:
        logger: the logger.
    """

    label = "TensorBoard"

    def __init__(self, logger: TensorBoardLogger) -> None:
        self.logger = logger

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Log numbers at an optimiser step."""
        self.logger.log_metrics(metrics, step)

    def log_results(self, results: EpochResults) -> None:
        """Log the scalars, then the figures."""
        super().log_results(results)
        for name, path in results.pictures.items():
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            self.logger.experiment.add_image(
                media_name(name, "figure"), pixels, results.global_step, dataformats="HWC"
            )

    def where(self) -> str:
        """The command that shows them."""
        return f"tensorboard --logdir {shlex.quote(self.logger.log_dir)}"
