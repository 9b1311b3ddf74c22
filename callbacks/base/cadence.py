"""After which epochs an analysis runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from xinc_lightning.errors import UserError

EVERY = 100
"""Epochs between two runs of an analysis where no schedule is given."""


@dataclass(frozen=True)
class Cadence:
    """One of four schedules; every analysis also runs at the end of training.

    Args:
        every_n_epochs: after every so many epochs.
        epochs: after these numbers of epochs; 0 is the untrained network.
        log_spaced: so many times from the first epoch to the last, see :func:`log_spaced`.
        at_checkpoints: after every epoch that saves a checkpoint.

    Raises:
        UserError: if several are given, or an invalid one.
    """

    every_n_epochs: int | None = None
    epochs: Sequence[int] | None = None
    log_spaced: int | None = None
    at_checkpoints: bool = False

    def __post_init__(self) -> None:
        given = {
            "every_n_epochs": self.every_n_epochs,
            "epochs": self.epochs,
            "log_spaced": self.log_spaced,
            "at_checkpoints": self.at_checkpoints or None,
        }
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) > 1:
            pairs = ", ".join(f"{name}={value}" for name, value in given.items())
            raise UserError(
                f"{pairs}: give at most one of every_n_epochs, epochs, log_spaced and at_checkpoints."
            )
        if self.every_n_epochs is not None and self.every_n_epochs < 1:
            raise UserError(f"every_n_epochs must be at least 1, got {self.every_n_epochs}.")
        if self.log_spaced is not None and self.log_spaced < 1:
            raise UserError(f"log_spaced must be at least 1, got {self.log_spaced}.")
        if self.epochs is not None and min(self.epochs, default=-1) < 0:
            raise UserError(
                "epochs must be a list of numbers of completed epochs, 0 for the untrained network, "
                f"got {list(self.epochs)}."
            )
        if not given:
            object.__setattr__(self, "every_n_epochs", EVERY)

    def due(self, epoch: int, last_epoch: int | None = None, saved: bool = False) -> bool:
        """Whether to analyse the network as it is after ``epoch`` epochs.

        Args:
            epoch: epochs completed.
            last_epoch: the last epoch of training; None if unknown.
            saved: whether a checkpoint of this network was saved.
        """
        if self.epochs is not None:
            return epoch in self.epochs
        if self.at_checkpoints:
            return saved
        if self.log_spaced is not None:
            return last_epoch is not None and epoch in log_spaced(last_epoch, self.log_spaced)
        assert self.every_n_epochs is not None
        return epoch > 0 and epoch % self.every_n_epochs == 0


def log_spaced(last: int, count: int) -> list[int]:
    """Epochs from 1 to ``last`` in a geometric sequence: most of them early.

    >>> log_spaced(1000, 10)
    [1, 2, 4, 9, 20, 44, 96, 210, 458, 1000]

    Args:
        last: the last epoch.
        count: number of epochs; all of them if there are fewer.
    """
    count = min(count, last)
    if count < 2:
        return [last][:count]
    epochs = [1]
    for left in range(count - 1, 0, -1):
        nearest = round(epochs[-1] * (last / epochs[-1]) ** (1 / left))
        epochs.append(min(max(nearest, epochs[-1] + 1), last - left + 1))
    return epochs
