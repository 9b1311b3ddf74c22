"""Loggers of scalars and figures: ``metrics.csv``, Weights & Biases, TensorBoard."""

from collections.abc import Iterable

from lightning.pytorch.loggers import Logger, TensorBoardLogger

from xinc_lightning.loggers.metrics_file import MetricsFile
from xinc_lightning.loggers.protocol import EpochResults, NumbersOnly, RunLogger
from xinc_lightning.loggers.tensorboard import TensorBoardPictures
from xinc_lightning.loggers.wandb_run import WandbRun

__all__ = ["EpochResults", "MetricsFile", "RunLogger", "WandbRun", "run_loggers"]


def run_loggers(loggers: Iterable[Logger]) -> dict[str, RunLogger]:
    """A Trainer's loggers with the methods of :class:`RunLogger`, by class name and, for several, a number."""
    named: dict[str, RunLogger] = {}
    for logger in loggers:
        kind = type(logger).__name__
        before = sum(name.partition(" ")[0] == kind for name in named)
        named[f"{kind} {before + 1}" if before else kind] = _run_logger(logger)
    return named


def _run_logger(logger: Logger) -> RunLogger:
    if isinstance(logger, RunLogger):
        return logger
    return TensorBoardPictures(logger) if isinstance(logger, TensorBoardLogger) else NumbersOnly(logger)
