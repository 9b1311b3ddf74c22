"""What a run asks of its loggers besides Lightning's own methods: pictures, resuming, where to look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from xinc_lightning.analyses.neuron_table import NeuronTable

Scalars = Mapping[str, float]


@dataclass(frozen=True)
class EpochResults:
    """What the analyses of one epoch found, as loggers show it.

    Attributes:
        epoch: epochs completed.
        global_step: optimiser steps completed.
        scalars: numbers by their full name.
        pictures: PNG files by name.
        pages: HTML for a browser, by name.
        neurons: what is known about each neuron; None but at the end of training.
    """

    epoch: int
    global_step: int
    scalars: Scalars = field(default_factory=dict)
    pictures: Mapping[str, Path] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)
    neurons: NeuronTable | None = None

    @property
    def caption(self) -> str:
        """When the pictures were made, in words."""
        return f"epoch {self.epoch}, step {self.global_step}"


class RunLogger:
    """What a run asks of a logger; the methods here are all that a logger of nothing but numbers needs.

    A base class, because Lightning's DummyLogger has any method that one asks for.

    Attributes:
        label: what the logger is called in the table at the end.
    """

    label: str = ""

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Lightning's own method: log numbers at an optimiser step."""

    def log_results(self, results: EpochResults) -> None:
        """Log what the analyses of an epoch found."""
        if results.scalars:
            self.log_metrics({**results.scalars, "epoch": results.epoch}, results.global_step)

    def position(self) -> dict[str, Any]:
        """What a checkpoint has to hold, in plain values, so that a resumed run goes on with these logs."""
        return {}

    def begin(self, command: str, run: Path, epoch: int, position: Mapping[str, Any]) -> None:
        """Get ready for a command; where it is ``fit`` from a checkpoint, go on with the logs of that run.

        Args:
            command: ``fit``, ``validate``, ``test`` or ``predict``.
            run: the folder of its results.
            epoch: epochs completed at its checkpoint, 0 without one.
            position: what :meth:`position` was when the checkpoint was saved; empty if there is none.
        """

    def where(self) -> str | None:
        """Where the logs are to be seen, or how; None if there is nothing to say."""
        return None

    def close(self, exit_code: int = 0, error: str = "") -> None:
        """Hand over what is left, when the command ends.

        Args:
            exit_code: the command's.
            error: why it failed; empty if it did not.
        """


class NumbersOnly(RunLogger):
    """Any logger of Lightning's that knows nothing of this protocol; it gets numbers.

    Args:
        logger: the logger.
    """

    def __init__(self, logger: Logger) -> None:
        self.logger = logger

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Log numbers at an optimiser step."""
        self.logger.log_metrics(metrics, step)
