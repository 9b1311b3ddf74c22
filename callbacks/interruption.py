"""Ctrl-C, SIGTERM and SIGHUP end a training run at the end of an epoch, with a checkpoint."""

import os
import signal
import threading
from types import FrameType
from typing import NoReturn

from lightning.pytorch import Callback, LightningModule, Trainer

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", *(["SIGUSR1"] if "SLURM_JOB_ID" in os.environ else []))
    if hasattr(signal, name)  # Windows has fewer
)
"""Signals that ask to stop: from the keyboard, a process manager, a terminal that is closed, SLURM before its limit."""


class Interrupted(SystemExit):
    """A signal asked the command to stop; the exit code is what a shell expects, 130 or 143 say.

    Args:
        signum: the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)
        self.signum = signum


def stop_at_once(signum: int, frame: FrameType | None) -> NoReturn:
    """Signal handler for whatever is not training."""
    raise Interrupted(signum)


class Interruption(Callback):
    """Lets the epoch in which a signal arrives be finished; a second signal stops at once.

    Raises :class:`Interrupted` where the next epoch would start, where
    :class:`~xinc_lightning.callbacks.checkpoints.Checkpoints` saves what there is.
    """

    def __init__(self) -> None:
        self._signum: int | None = None
        self._speaks = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen, instead of Lightning, which would stop in the middle of an epoch."""
        self._speaks = trainer.is_global_zero
        if threading.current_thread() is threading.main_thread():
            for signum in SIGNALS:
                signal.signal(signum, self._heard)

    def _heard(self, signum: int, frame: FrameType | None) -> None:
        if self._signum is not None:
            raise Interrupted(signum)
        self._signum = signum
        if self._speaks:  # not by print: the signal may have come in the middle of one
            os.write(2, b"\nxinc: finishing this epoch, then saving a checkpoint; once more stops at once.\n")

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop, on all ranks if one was asked to."""
        stop = self._signum is not None
        if trainer.world_size > 1:
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        if stop:
            raise Interrupted(self._signum or signal.SIGTERM)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Training is done: there is nothing left to finish."""
        self._stop_listening(stop_at_once)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Nothing disturbs the saving of the checkpoint that comes now."""
        self._stop_listening(signal.SIG_IGN)

    def _stop_listening(self, handler: object) -> None:
        if threading.current_thread() is threading.main_thread():
            for signum in SIGNALS:
                signal.signal(signum, handler)  # type: ignore[arg-type]
