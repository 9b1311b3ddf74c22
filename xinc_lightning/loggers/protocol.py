"""The interface of loggers besides Lightning's own methods: figures, resuming, and where the logs are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from xinc_lightning.analyses.neuron_table import NeuronTable

Scalars = Mapping[str, float]


@dataclass(frozen=True)
class EpochResults:
    """Results of all analyses of one epoch, for the loggers.

    Attributes:
        epoch: epochs completed.
        global_step: optimiser steps completed.
        scalars: values by full name.
        pictures: PNG files by name.
        pages: HTML pages by name.
        neurons: the table of neurons; None except at the end of training.
        tables: CSV files by name; of a summary of runs only.
    """

    epoch: int
    global_step: int
    scalars: Scalars = field(default_factory=dict)
    pictures: Mapping[str, Path] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    neurons: NeuronTable | None = None
    tables: Mapping[str, Path] = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """Caption of the figures: their epoch."""
        return f"epoch {self.epoch}, step {self.global_step}"


class RunLogger:
    """Interface of a run's logger; the methods here are sufficient for a logger of scalars only.

    It is a base class and no protocol, because Lightning's DummyLogger has every method.

    Attributes:
        label: name of the logger in the final table.
    """

    label: str = ""

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Lightning's own method: log numbers at an optimiser step."""

    def log_results(self, results: EpochResults) -> None:
        """Log the results of an epoch's analyses."""
        if results.scalars:
            self.log_metrics({**results.scalars, "epoch": results.epoch}, results.global_step)

    def has(self, results: EpochResults) -> bool:
        """Whether the results of that epoch, which the run folder has, reached the logs before the run was killed."""
        return True

    def position(self) -> dict[str, Any]:
        """State for a checkpoint, in plain values, with which a resumed run continues these logs."""
        return {}

    def begin(self, command: str, run: Path, epoch: int, position: Mapping[str, Any]) -> None:
        """Prepare for a command; for ``fit`` from a checkpoint, continue the logs of that run.

        Args:
            command: ``fit``, ``validate``, ``test`` or ``predict``.
            run: the folder of its results.
            epoch: epochs completed at its checkpoint, 0 without one.
            position: what :meth:`position` was when the checkpoint was saved; empty if there is none.
        """

    def where(self) -> str | None:
        """Location of the logs, or the command that shows them; None if there is none."""
        return None

    def close(self, exit_code: int = 0, error: str = "") -> None:
        """Flush and close the logger at the end of the command.

        Args:
            exit_code: of the command.
            error: why it failed; empty if it did not.
        """


class NumbersOnly(RunLogger):
    """Any other Lightning logger; it gets scalars only.

    Args:
        logger: the logger.
    """

    def __init__(self, logger: Logger) -> None:
        self.logger = logger

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Log numbers at an optimiser step."""
        self.logger.log_metrics(metrics, step)
