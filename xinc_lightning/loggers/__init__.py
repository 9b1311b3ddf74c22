"""Where numbers and pictures go besides the run folder's analyses: ``metrics.csv`` and Weights & Biases."""

from xinc_lightning.loggers.metrics_file import MetricsFile
from xinc_lightning.loggers.wandb_run import WandbRun

__all__ = ["MetricsFile", "WandbRun"]
