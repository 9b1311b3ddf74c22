"""Checkpoints of a run: the best by PSNR, and the last; each saved between two epochs."""

import math
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from xinc_lightning.callbacks.interruption import Interrupted
from xinc_lightning.errors import UserError
from xinc_lightning.loggers import run_loggers
from xinc_lightning.modules import INRModule
from xinc_lightning.runs.layout import CHECKPOINTS, LAST

LONGEST = 300.0
"""Seconds of training after which ``last.ckpt`` is updated even without a validation."""


class Checkpoints(Checkpoint):
    """Keep the checkpoint with the best PSNR over the clip, and the last one, in ``<run>/checkpoints``.

    Both are updated after a validation, ``last.ckpt`` also every few minutes, at the end of training and when
    training is interrupted. They are saved where the next epoch would start: validation and analyses of the
    epoch before are finished and its metrics are on disk, so that a resumed run repeats and misses nothing.
    Weights that are not finite are never saved.

    Args:
        monitor: metric that decides which checkpoint is best; higher is better.
        save_top_k: number of best checkpoints to keep.
        every_n_epochs: save after the validations of every so many epochs.
    """

    def __init__(self, monitor: str = "val/psnr", save_top_k: int = 1, every_n_epochs: int = 1) -> None:
        if save_top_k < 0 or every_n_epochs < 1:
            raise UserError(
                f"Checkpoints: save_top_k must be at least 0 and every_n_epochs at least 1, "
                f"got {save_top_k} and {every_n_epochs}."
            )
        self.monitor = monitor
        self.save_top_k = save_top_k
        self.every_n_epochs = every_n_epochs
        self.best: dict[str, float] = {}
        self._validated = False
        self._restored = False  # before training starts, weights may be there without their optimiser
        self._saved_step = self._started_step = 0
        self._saved_at = 0.0

    @property
    def will_save(self) -> bool:
        """Whether the epoch that just ended was validated, so that it is saved before the next one begins."""
        return self._validated

    def state_dict(self) -> dict[str, Any]:
        """Scores of the best checkpoints, by file name."""
        return {"best": dict(self.best)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the scores of the best checkpoints."""
        best = state_dict.get("best")
        self.best = {
            str(name): float(score)
            for name, score in (best.items() if isinstance(best, dict) else ())
            if isinstance(score, int | float)
        }

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the timer; the checkpoint from which the run was resumed is not saved again."""
        self._saved_step = self._started_step = trainer.global_step
        self._saved_at = time.monotonic()
        self._restored = True
        # A checkpoint's names are never paths: only those of files that lie in this run's own folder count.
        own = {path.name for path in _folder(trainer).glob("best-*.ckpt") if path.is_file()}
        there = {name: score for name, score in self.best.items() if name in own}
        self.best = trainer.strategy.broadcast(there)  # only the first process knows the folder

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Mark the epoch to be saved when it ends."""
        epoch = trainer.current_epoch + 1
        self._validated = not trainer.sanity_checking and epoch % self.every_n_epochs == 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the network after the previous epoch, if it was validated or the last checkpoint is old."""
        late = time.monotonic() - self._saved_at > LONGEST
        if trainer.world_size > 1:
            late = trainer.strategy.reduce_boolean_decision(late, all=False)
        if self._validated or late:
            self._save(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the trained network again, now with what the final analyses remember of it."""
        self._save(trainer, pl_module, again=trainer.global_step > self._started_step)

    def save_before_the_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Save the trained network before anything else is done with it, so that only that can be lost."""
        self._save(trainer, module)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Nothing is restored yet."""
        self._restored = False

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save a checkpoint if an epoch just ended; if the disk is full, do without.

        Nothing is saved while a checkpoint is being restored: files stay unchanged.
        """
        alone = trainer.world_size == 1 or isinstance(
            exception, Interrupted
        )  # else other ranks would wait for ever
        if self._restored and alone:
            with suppress(OSError):
                self._save(trainer, pl_module)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Record that the next epoch has not started, and the position of each logger."""
        if _between_epochs(trainer):
            for counts in ("total", "current"):
                progress = checkpoint["loops"]["fit_loop"]["epoch_progress"][counts]
                progress["ready"] = progress["completed"]
        if trainer.is_global_zero:
            positions = {name: logger.position() for name, logger in run_loggers(trainer.loggers).items()}
            checkpoint["loggers"] = {name: position for name, position in positions.items() if position}

    def _save(self, trainer: Trainer, module: LightningModule, again: bool = False) -> None:
        assert isinstance(module, INRModule)
        saved = trainer.global_step == self._saved_step and not again
        if trainer.fast_dev_run or saved or not _between_epochs(trainer):  # type: ignore[attr-defined]
            return
        module.require_finite()
        for logger in trainer.loggers:
            logger.save()
        if self._validated and self.save_top_k and self.monitor in trainer.callback_metrics:
            self._save_best(trainer, float(trainer.callback_metrics[self.monitor]))
        trainer.save_checkpoint(_folder(trainer) / LAST, weights_only=False)
        self._validated = False
        self._saved_step = trainer.global_step
        self._saved_at = time.monotonic()

    def _save_best(self, trainer: Trainer, score: float) -> None:
        if math.isnan(score) or (len(self.best) >= self.save_top_k and score <= min(self.best.values())):
            return
        metric = self.monitor.rpartition("/")[2]
        name = f"best-epoch={trainer.current_epoch:04d}-{metric}={score:.2f}.ckpt"
        ranked = sorted({**self.best, name: score}.items(), key=lambda item: item[1], reverse=True)
        self.best = dict(ranked[: self.save_top_k])
        trainer.save_checkpoint(_folder(trainer) / name, weights_only=False)
        for dropped, _ in ranked[self.save_top_k :]:
            trainer.strategy.remove_checkpoint(_folder(trainer) / dropped)


def _folder(trainer: Trainer) -> Path:
    return Path(trainer.default_root_dir) / CHECKPOINTS


def _between_epochs(trainer: Trainer) -> bool:
    progress = trainer.fit_loop.epoch_progress.total
    return bool(progress.started == progress.completed)  # type: ignore[attr-defined]
