"""Ctrl-C, SIGTERM and SIGHUP stop a training run at the end of an epoch, with a checkpoint."""

import os
import signal
import threading
from types import FrameType
from typing import NoReturn

from lightning.pytorch import Callback, LightningModule, Trainer


def _under_nohup() -> bool:
    """Whether this process is to outlive its terminal."""
    return hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


SIGNALS = tuple(
    getattr(signal, name)
    for name, meant in {
        "SIGINT": True,
        "SIGTERM": True,
        "SIGHUP": not _under_nohup(),
        "SIGUSR1": "SLURM_JOB_ID" in os.environ,
    }.items()
    if meant and hasattr(signal, name)  # Windows has fewer
)
"""Signals that ask to stop: from the keyboard, a process manager, a terminal that is closed, SLURM before its limit."""


class Interrupted(SystemExit):
    """The command was stopped by a signal; the exit code is the one a shell expects, such as 130 or 143.

    Args:
        signum: the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)
        self.signum = signum


def stop_at_once(signum: int, frame: FrameType | None) -> NoReturn:
    """Signal handler outside of training."""
    raise Interrupted(signum)


class Interruption(Callback):
    """Finishes the epoch in which a signal arrives; a second signal stops immediately.

    Raises :class:`Interrupted` where the next epoch would start, where
    :class:`~xinc_lightning.callbacks.checkpoints.Checkpoints` can save a checkpoint.
    """

    def __init__(self) -> None:
        self._signum: int | None = None
        self._prints = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace Lightning's signal handlers, which would stop in the middle of an epoch."""
        self._prints = trainer.is_global_zero
        if threading.current_thread() is threading.main_thread():
            for signum in SIGNALS:
                signal.signal(signum, self._on_signal)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self._signum is not None:
            raise Interrupted(signum)
        self._signum = signum
        if self._prints:  # not with print: the signal may have interrupted one
            message = (
                b"\nxinc: finishing this epoch, then saving a checkpoint; press again to stop immediately.\n"
            )
            os.write(2, message)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop, on all ranks if one of them received a signal."""
        stop = self._signum is not None
        if trainer.world_size > 1:
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        if stop:
            raise Interrupted(self._signum or signal.SIGTERM)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """From here on a signal stops at once: no epoch is left to finish."""
        self._replace_handlers(stop_at_once)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Ignore signals while the checkpoint is saved."""
        self._replace_handlers(signal.SIG_IGN)

    def _replace_handlers(self, handler: object) -> None:
        if threading.current_thread() is threading.main_thread():
            for signum in SIGNALS:
                signal.signal(signum, handler)  # type: ignore[arg-type]
