"""One progress bar for the whole run."""

import time

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from xinc_lightning.modules import INRModule

MAX_INTERVAL = 30.0
"""Most seconds between two lines where the output is not a terminal."""


class Progress(ProgressBar):
    """Epoch, PSNR, bits per pixel and remaining time, in one bar over all epochs.

    If the output is not a terminal, it prints a line at every tenth of training, and at least every half minute.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bar: RichProgress | None = None
        self._enabled = True
        self._printed = 0.0

    def disable(self) -> None:
        """Show nothing."""
        self._enabled = False

    def enable(self) -> None:
        """Show the bar again."""
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar."""
        assert isinstance(pl_module, INRModule)
        if not self._enabled or trainer.max_epochs is None:
            return
        self._bar = RichProgress(
            TextColumn("epoch {task.completed}/{task.total}"),
            BarColumn(),
            TextColumn("{task.fields[psnr]}"),
            TextColumn(f"{pl_module.budget.bpp:.2f} bpp"),
            TimeElapsedColumn(),
            TextColumn("<"),
            TimeRemainingColumn(),
        )
        self._printed = time.monotonic()
        self._bar.add_task("fit", total=trainer.max_epochs, completed=trainer.current_epoch, psnr="")
        if self._bar.console.is_terminal:
            self._bar.start()

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the completed epochs; the metrics of the last one are available only now."""
        self._show(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the last epoch and close the bar."""
        self._show(trainer)
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the bar, so that the message is readable."""
        self._close()

    def _show(self, trainer: Trainer) -> None:
        if self._bar is None:
            return
        epoch, total = trainer.current_epoch, trainer.max_epochs or 1
        psnr = trainer.callback_metrics.get("train/psnr")
        if not self._bar.console.is_terminal:
            tenth = epoch * 10 // total > (epoch - 1) * 10 // total
            if psnr is not None and (tenth or time.monotonic() - self._printed > MAX_INTERVAL):
                print(f"epoch {epoch}/{total}  {float(psnr):.2f} dB", flush=True)
                self._printed = time.monotonic()
            return
        self._bar.update(self._bar.task_ids[0], completed=epoch)
        # Reading the PSNR synchronises with the device, so not at every epoch of a fast run.
        if epoch % max(total // 100, 1) == 0 and psnr is not None:
            self._bar.update(self._bar.task_ids[0], psnr=f"{float(psnr):.2f} dB")

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
