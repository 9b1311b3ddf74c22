"""All uses of Lightning's private names, in one place.

``tests/runs/test_lightning_private.py`` checks them against the installed version. Subclasses elsewhere override the
public methods here, which are called where Lightning calls its private ones.
"""

import subprocess
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.strategies.launchers import subprocess_script


class CommandLine(LightningCLI):
    """LightningCLI with two steps that subclasses can override."""

    @abstractmethod
    def find_checkpoint(self) -> None:
        """Resolve ``ckpt_path`` in the config, before anything is built, instead of loading its hyperparameters."""

    def run_command(self, command: str) -> None:
        """Run a command with the built objects."""
        super()._run_subcommand(command)

    def _parse_ckpt_path(self) -> None:
        self.find_checkpoint()

    def _run_subcommand(self, subcommand: str) -> None:
        self.run_command(subcommand)


@contextmanager
def observed_by(observe: Callable[[Sequence["subprocess.Popen[bytes]"]], None]) -> Iterator[None]:
    """Have the processes that Lightning starts observed by ``observe``, which gets them and returns at once.

    Lightning's own observer kills the first process as soon as another has died, so that nobody says why.
    """
    own = subprocess_script._launch_process_observer  # type: ignore[attr-defined]
    subprocess_script._launch_process_observer = observe  # type: ignore[attr-defined, assignment]
    try:
        yield
    finally:
        subprocess_script._launch_process_observer = own  # type: ignore[attr-defined]


class CSVWriter(ExperimentWriter):
    """Lightning's metrics writer, which would delete the file of a resumed run, and rewrites the file in place."""

    def prepare(self, path: Path) -> None:
        """Called once, before the first row, instead of deleting an existing file."""

    @abstractmethod
    def rewrite(self, columns: list[str]) -> None:
        """Write the file's rows again under more columns."""

    def _check_log_dir_exists(self) -> None:
        self.prepare(Path(self.metrics_file_path))

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        self.rewrite(fieldnames)


def rewind_to_epoch_start(checkpoint: dict[str, Any]) -> bool:
    """Rewind a checkpoint saved within an epoch to the epoch's start; returns whether it was such a checkpoint."""
    loops = checkpoint.get("loops", {}).get("fit_loop", {})
    if not loops:
        return False
    epochs, batches = loops["epoch_progress"], loops["epoch_loop.batch_progress"]
    if epochs["total"]["started"] == epochs["total"]["processed"] or batches["is_last_batch"]:
        return False
    for counts in ("total", "current"):
        epochs[counts]["ready"] = epochs[counts]["started"] = epochs[counts]["processed"]
    return True
