"""Weights & Biases, as an extra that a run can lose. The only user of wandb."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import _DummyExperiment, rank_zero_experiment
from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn

from xinc_lightning.analyses import evenly_spaced
from xinc_lightning.analyses.neuron_table import THUMBNAIL, NeuronTable
from xinc_lightning.loggers.protocol import EpochResults, RunLogger
from xinc_lightning.runs.records import without_nan

TABLE_ROWS = 1000
"""Neurons in W&B's table, evenly spaced over those that have a picture; ``neurons.csv`` has all."""

FINISH_TIMEOUT = 300.0
"""Seconds that a finished run waits for uploads; what is then left stays on disk, for ``wandb sync``."""


class WandbRun(WandbLogger, RunLogger):
    """Weights & Biases without surprises: offline where there is no key, and never the end of a training run.

    ``WANDB_MODE`` decides where it is set. Otherwise the run is online if an API key is configured, offline
    if not; and offline, too, if the server cannot be reached. Whatever else fails (the package is missing, its
    disk is full, its process dies) is said once, and the run goes on without W&B.

    Args:
        project: project on the server.
        name: name of the run; the run folder's unless given.
        save_dir: where wandb keeps its files; the run folder unless given.
        group: groups runs on the server.
        tags: words to find the run by.
        init_timeout: seconds to wait for the server.
    """

    label = "W&B"

    def __init__(
        self,
        project: str = "xinc_lightning",
        name: str | None = None,
        save_dir: str | None = None,
        group: str | None = None,
        tags: list[str] | None = None,
        init_timeout: float = 30.0,
    ) -> None:
        self.failure: str | None = None
        try:
            import wandb

            settings = wandb.Settings(
                init_timeout=init_timeout,
                finish_timeout=FINISH_TIMEOUT,
                console="off",
                silent=True,
                x_disable_stats=True,
                quiet=True,
            )
            super().__init__(
                name=name,
                save_dir=save_dir or ".",
                project=project,
                group=group,
                tags=tags,
                settings=settings,
            )
            self._wandb_init.pop("anonymous", None)  # Lightning passes it on, wandb warns that it is gone
        except Exception as error:  # not installed, or not fit for what is: there is nothing to be set up
            Logger.__init__(self)
            self._project, self._save_dir, self._id, self._experiment = project, save_dir or ".", None, None
            self._log_model = False
            self._give_up(error)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The wandb run; started offline if there is no key or the server does not answer.

        Without W&B, an object whose every method does nothing.
        """
        if self._experiment is None and self.failure is None:
            try:
                self._start()
            except Exception as error:
                self._give_up(error)
        return _DummyExperiment() if self.failure else self._experiment

    def _start(self) -> None:
        """Start wandb as the environment asks for it, else offline."""
        import wandb

        try:
            wandb.setup(wandb.Settings(silent=True))  # before it has anything to tell
            self._wandb_init["mode"] = self._mode()
            if self._wandb_init["mode"] != "disabled":
                # wandb's own process may have been started in another folder, by an earlier run of this one.
                self._wandb_init["dir"] = _writable(Path(self._wandb_init["dir"]).absolute())
            _ = super().experiment
        except Exception as error:
            if self._wandb_init.get("mode") == "offline":
                raise
            self._wandb_init["mode"] = "offline"
            _ = super().experiment
            rank_zero_warn(f"W&B is not available ({_line(error)}); this run is logged offline instead.")
        for handler in logging.getLogger("wandb").handlers:
            handler.handleError = _ignore  # type: ignore[method-assign]  # its debug.log is not worth a traceback

    @property
    def _run(self) -> Any:
        return self._experiment

    def _mode(self) -> str:
        if mode := os.environ.get("WANDB_MODE"):
            return mode
        if has_api_key():
            return "online"
        print(
            "W&B: no API key found, so this run is logged offline; `wandb sync` uploads it later, "
            "`wandb login` makes the next one go online."
        )
        return "offline"

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log what is finite; what is not has no place in JSON and would spoil W&B's axes."""
        self._attempt(lambda: super(WandbRun, self).log_metrics(_finite(metrics), step))

    @rank_zero_only
    def log_hyperparams(self, params: Any) -> None:
        """Log the config."""
        self._attempt(lambda: super(WandbRun, self).log_hyperparams(params))

    @rank_zero_only
    def log_results(self, results: EpochResults) -> None:
        """Log all of an epoch's analyses in one call, because W&B counts its steps by calls."""

        def log() -> None:
            import wandb

            media: dict[str, Any] = {
                f"xinc/{name}": wandb.Image(str(path), caption=results.caption)
                for name, path in results.pictures.items()
            }
            media |= {f"xinc/{name}": wandb.Html(html, inject=False) for name, html in results.pages.items()}
            if results.neurons:
                media["xinc/neuron_table"] = neuron_table(results.neurons)
            when = {"epoch": results.epoch, "trainer/global_step": results.global_step}
            self.experiment.log({**media, **_finite(results.scalars), **when})

        self._attempt(log)

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do something with wandb, whose failure must not be the run's."""
        if self.failure is None:
            try:
                action()
            except Exception as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Say so once, and leave nothing of wandb behind that could still fail at exit."""
        self.failure = _line(error)
        rank_zero_warn(
            f"W&B is left out from here on ({self.failure}). The run goes on; its results are in its folder."
        )
        with suppress(Exception):
            self._run.finish()
        with suppress(Exception):
            import wandb

            wandb.run = None  # a run that could not be finished would be taken for one in progress
            wandb.teardown()

    def position(self) -> dict[str, Any]:
        """What a checkpoint has to hold, so that a resumed run can go on with this one; nothing without W&B."""
        run = self.experiment
        return {} if self.failure or run.disabled else {"id": run.id, "step": run.step}

    def resume(self, run: Path, epoch: int, position: Mapping[str, Any]) -> None:
        """Go on with a run where it was when a checkpoint was saved, under the same id, also offline."""

        def go_on() -> None:
            self._wandb_init["id"] = self._id = position["id"]
            self.experiment.log({}, step=position["step"])  # rows that come again get the number they had

        if position:
            self._attempt(go_on)

    def close(self, exit_code: int = 0) -> None:
        """Hand everything over to wandb and let go of its run, so that the next one in this process is new."""
        if self._experiment is not None:
            self._attempt(self._finish)
            self._experiment = None

    def _finish(self) -> None:
        disabled = self._run.disabled
        self._run.finish()
        # wandb's own process does not tell ours that it could not write what it was sent.
        if not disabled and shutil.disk_usage(self._save_dir or ".").free == 0:
            raise OSError(f"the disk of '{self._save_dir}' is full: what W&B has may be incomplete")

    def where(self) -> str:
        """Where this run is to be seen, or the command that uploads it."""
        run = self.experiment
        if self.failure:
            return f"left out: {self.failure}"
        if run.disabled:
            return "disabled"
        folder = Path(run.dir).parent
        if folder.is_relative_to(Path.cwd()):
            folder = folder.relative_to(Path.cwd())
        return f"wandb sync {folder}" if run.offline else run.url


def _writable(folder: Path) -> str:
    """The folder, or a temporary one if nothing can be written there: wandb's own choice, but said in one line."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except OSError as error:
        other = tempfile.mkdtemp(prefix="xinc-wandb-")
        rank_zero_warn(f"W&B cannot write to '{folder}' ({_line(error)}); its files go to '{other}' instead.")
        return other


def neuron_table(neurons: NeuronTable) -> Any:
    """W&B's table of those neurons that have a picture, or of all if none has."""
    import wandb

    pictured = list(neurons.rows(THUMBNAIL))
    rows = pictured or list(neurons.rows())
    table = wandb.Table(columns=["layer", "neuron", *neurons.columns, *[THUMBNAIL] * bool(pictured)])
    for place in evenly_spaced(range(len(rows)), TABLE_ROWS):
        row = rows[place]
        picture = [wandb.Image(neurons.thumbnail(*row[:2]))] if pictured else []
        table.add_data(*row, *picture)
    return table


def _finite(scalars: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in without_nan(scalars).items() if value is not None}


def _ignore(record: logging.LogRecord) -> None:
    """Instead of what logging prints when it cannot write."""


def _line(error: Exception) -> str:
    """An exception in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def has_api_key() -> bool:
    """Whether wandb has a key for its server, from the environment, ``wandb login`` or .netrc."""
    import wandb

    return wandb.login(prompt=False, verify=False)
