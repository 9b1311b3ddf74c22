"""The table at the end of a run: quality, size, time, and where the results are."""

import time
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xinc_lightning.callbacks.base.callback import analyses_of, seconds_of_analyses
from xinc_lightning.callbacks.base.isolation import undisturbed
from xinc_lightning.callbacks.checkpoints import Checkpoints
from xinc_lightning.compression import MAX_BITS, MIN_BITS, Budget
from xinc_lightning.data import clip_of
from xinc_lightning.errors import UserError
from xinc_lightning.loggers import run_loggers
from xinc_lightning.modules import INRModule
from xinc_lightning.modules.evaluation import Evaluation, evaluate
from xinc_lightning.runs.layout import ANALYSES, CHECKPOINTS, REPORT
from xinc_lightning.runs.records import without_nan, write_json
from xinc_lightning.runs.scalar_names import FINAL
from xinc_lightning.text import printable


class Report(Callback):
    """Evaluates the network at the end of ``fit`` and ``test``, with float weights and after quantisation.

    Prints a table, logs the scalars as ``final/…`` and writes them to ``<run>/report.json``.

    Args:
        bits: bits per weight of the quantisation before entropy coding.

    Raises:
        UserError: for a number of bits that is not supported.
    """

    def __init__(self, bits: int = 8) -> None:
        if not MIN_BITS <= bits <= MAX_BITS:
            raise UserError(f"Report: bits must be between {MIN_BITS} and {MAX_BITS}, got {bits}.")
        self.bits = bits
        self._start: float | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the network and its size."""
        assert isinstance(pl_module, INRModule)
        if trainer.is_global_zero:
            print(f"{pl_module.architecture}: {pl_module.budget}")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the timer; the report of an earlier end of a run that is trained further says nothing any more."""
        self._start = time.perf_counter()
        if trainer.is_global_zero:
            (Path(trainer.default_root_dir) / REPORT).unlink(missing_ok=True)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report on the trained network."""
        self._report(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report on the tested checkpoint."""
        self._report(trainer, pl_module)

    def _report(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.is_global_zero or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        assert isinstance(module, INRModule)
        with undisturbed(module):
            result = evaluate(module, clip_of(trainer), self.bits)
        final = {f"{FINAL}{name}": value for name, value in result.scalars().items()}
        for logger in trainer.loggers:
            logger.log_metrics({**final, "epoch": module.trained_epochs}, module.trained_steps)
            logger.save()
        run = Path(trainer.default_root_dir)
        # Last of all, because a run that has this file is done: what is killed before it is made up for.
        write_json(run / REPORT, without_nan(result.scalars()))
        Console().print(_table(result, module.budget, run, trainer, self._times(trainer)))

    def _times(self, trainer: Trainer) -> str:
        """Time of training and of the analyses."""
        analyses = seconds_of_analyses(trainer)
        if self._start is None:
            return f"{analyses:.0f} s of analyses"
        training = time.perf_counter() - self._start - analyses
        return f"{training:.0f} s of training, {analyses:.0f} s of analyses ({analyses / training:.0%} more)"


def _table(result: Evaluation, budget: Budget, run: Path, trainer: Trainer, times: str) -> Table:
    table = Table(
        title=Text(printable(f"{run.name}: result")), show_header=False, title_justify="left", box=box.SIMPLE
    )
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "PSNR, SSIM": f"{result.psnr:.2f} dB, {result.ssim:.4f}",
        "size": f"{result.parameters:,} parameters of 32 bits, {budget.printed_bpp} bpp",
        f"{result.quantized_bits}-bit PSNR": f"{result.quantized_psnr:.2f} dB",
        f"{result.quantized_bits}-bit size": f"{result.coded_bytes:,} bytes entropy coded, "
        f"{result.coded_bits_per_parameter:.3f} bits/parameter, {result.coded_bpp:.2f} bpp",
        "time": times,
    }
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if analyses_of(trainer):
        rows["pictures"] = str(run / ANALYSES)
    if trainer.training and any(isinstance(c, Checkpoints) for c in callbacks):
        rows["checkpoints"] = str(run / CHECKPOINTS)
    for logger in run_loggers(trainer.loggers).values():
        if where := logger.where():
            rows[logger.label] = where
    for name, value in rows.items():
        table.add_row(name, Text(printable(value)))
    return table
