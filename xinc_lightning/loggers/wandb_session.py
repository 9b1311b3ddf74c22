"""One wandb run from start to finish. Only this module imports wandb; all calls of it may hang or fail."""

import csv
import logging
import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from xinc_lightning.analyses import evenly_spaced
from xinc_lightning.analyses.neuron_table import THUMBNAIL, NeuronTable
from xinc_lightning.loggers.run_rows import Row
from xinc_lightning.loggers.wandb_server import last_step
from xinc_lightning.runs.scalar_names import media_name

TABLE_ROWS = 1000
"""Neurons in W&B's table, evenly spaced over those that have a picture; ``neurons.csv`` has all."""

SHOWN_ROWS = 10_000
"""Of any of W&B's tables."""

Mode = Literal["online", "offline", "disabled"]

ANSWER = 3.0
"""Seconds that the server has to say what it has."""

MONITOR = "val/psnr"
"""The best of it is in the summary."""


@dataclass
class Destination:
    """Which run of a server rows are sent to.

    Attributes:
        id: of the run.
        project: of the run.
        entity: account or team; None for the account's default.
        name: readable name.
        group: groups runs.
        tags: words to find the run by.
        notes: a text about the run.
        job_type: ``fit``, ``test`` or ``validate``.
        offset: what is added to an epoch to get W&B's step; 0 but for runs that version 0.1 began.
    """

    id: str
    project: str
    entity: str | None = None
    name: str | None = None
    group: str | None = None
    tags: list[str] | None = None
    notes: str | None = None
    job_type: str | None = None
    offset: int = 0


class WandbSession:
    """A wandb run that gets a row an epoch, each once.

    Args:
        destination: where the rows go.
        folder: where wandb keeps its files.
        init_timeout: seconds to wait for the server at the start.
        finish_timeout: seconds that uploads may take at the end; 0 for as long as they need.
        system_metrics: log load and temperature of the machine.

    Attributes:
        run: wandb's; None before the start.
        notes: what there is to be said to the user, once.
        abandoned: whether nobody waits any more.
    """

    def __init__(
        self,
        destination: Destination,
        folder: str,
        init_timeout: float,
        finish_timeout: float,
        system_metrics: bool = False,
    ) -> None:
        self.destination = destination
        self.folder = folder
        self.init_timeout, self.finish_timeout = init_timeout, finish_timeout
        self.system_metrics = system_metrics
        self.run: Any = None
        self.ready = threading.Event()
        self.notes: list[str] = []
        self.abandoned = False
        self._last = -1
        self._best: tuple[float, int] | None = None

    def start(self, mode: Mode, config: Mapping[str, Any], known: int = -1) -> None:
        """Start wandb, offline if the server does not answer.

        Args:
            mode: ``online``, ``offline`` or ``disabled``.
            config: of the run.
            known: the last step of an earlier part, if the server cannot be asked.
        """
        try:
            self._init(mode, config)
        except Exception as error:
            if mode == "offline" or self.abandoned:
                raise
            self._init_offline(config)
            self.notes.append(
                f"W&B is not available ({in_one_line(error)}); this run is logged offline instead."
            )
        online = not (self.run.disabled or self.run.offline)
        self._last = self.run.starting_step - 1 if online else known
        self.ready.set()

    def _init_offline(self, config: Mapping[str, Any], attempts: int = 4) -> None:
        """Start offline; wandb's process still tries to reach the server, and keeps the run's id meanwhile."""
        for left in reversed(range(attempts)):
            end_service(None, patience=30)
            try:
                self._init("offline", config)
                return
            except Exception:
                if not left:
                    raise
                time.sleep(1)
                self.destination.id = secrets.token_hex(
                    4
                )  # the old one may be in use for as long as it likes

    def require_online(self, config: Mapping[str, Any]) -> None:
        """Start wandb online, or raise what stands against it."""
        self._init("online", config)
        self._last = self.run.starting_step - 1
        self.ready.set()

    def _init(self, mode: Mode, config: Mapping[str, Any]) -> None:
        import wandb

        _disable_analytics()
        wandb.setup(wandb.Settings(silent=True))  # before it has anything to tell
        folder = self.folder
        if mode != "disabled":
            # wandb's own process may have been started in another folder, by an earlier run of this one.
            folder = self._writable(Path(folder).absolute())
        settings = wandb.Settings(
            init_timeout=self.init_timeout,
            finish_timeout=self.finish_timeout,
            finish_timeout_raises=True,
            console="off",
            silent=True,
            quiet=True,
            x_disable_stats=not self.system_metrics,
        )
        where = {key: value for key, value in asdict(self.destination).items() if key != "offset"}
        self.run = wandb.init(**where, dir=folder, mode=mode, resume="allow", settings=settings)
        for hidden in ("epoch", "trainer/global_step"):
            self.run.define_metric(hidden, hidden=True)
        self.run.define_metric("*", step_metric="epoch", step_sync=True)
        for handler in logging.getLogger("wandb").handlers:
            handler.handleError = _ignore  # type: ignore[method-assign]  # its debug.log is not worth a traceback
        self.update_config(config)  # only now: wandb writes what it starts with to its debug.log, too

    def _writable(self, folder: Path) -> str:
        """The folder, or a temporary one if nothing can be written there."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return str(folder)
        except OSError as error:
            other = tempfile.mkdtemp(prefix="xinc-wandb-")
            line = (
                f"W&B cannot write to '{folder}' ({in_one_line(error)}); its files go to '{other}' instead."
            )
            self.notes.append(line)
            return other

    def update_config(self, config: Mapping[str, Any]) -> None:
        """Add to the config of a run that has started."""
        self.run.config.update(dict(config), allow_val_change=True)

    def log(self, row: Row, neurons: NeuronTable | None = None) -> None:
        """Log a row, unless the server has it: a resumed run repeats what was lost, not what was sent."""
        import wandb

        if (psnr := row.scalars.get(MONITOR)) is not None and (self._best is None or psnr > self._best[0]):
            self._best = (psnr, row.epoch)
        step = row.epoch + self.destination.offset
        if step <= self._last:
            return
        media: dict[str, Any] = {
            media_name(name, "figure"): wandb.Image(str(path), caption=row.caption)
            for name, path in row.pictures.items()
        }
        media |= {media_name(n, "page"): wandb.Html(html, inject=False) for n, html in row.pages.items()}
        media |= {media_name(name, "table"): csv_table(path) for name, path in row.tables.items()}
        if neurons:
            media["neurons/table"] = neuron_table(neurons)
        self.run.log({**media, **row.scalars}, step=step, commit=True)
        self._last = step

    def alert(self, title: str, text: str) -> None:
        """Tell the user, by whatever way W&B is set up to."""
        self.run.alert(title=title, text=text)

    def add_files(self, run: Path) -> None:
        """Keep a run's checkpoints, the last as ``latest`` and the best as ``best``, and its report, as artifacts."""
        import wandb

        best, last = sorted((run / "checkpoints").glob("best-*.ckpt"))[-1:], run / "checkpoints" / "last.ckpt"
        for path, aliases in [*((path, ["best"]) for path in best), (last, ["latest"])]:
            if path.is_file():
                artifact = wandb.Artifact(f"model-{self.destination.id}", type="model")
                artifact.add_file(str(path), name="model.ckpt")
                self.run.log_artifact(artifact, aliases=aliases)
        if (run / "report.json").is_file():
            artifact = wandb.Artifact(f"report-{self.destination.id}", type="report")
            artifact.add_file(str(run / "report.json"))
            self.run.log_artifact(artifact)

    def add_media_of(self, part: Path) -> None:
        """Upload the figures of an earlier part of this run again, whose rows may have been uploaded without them."""
        for path in sorted((part / "files" / "media").rglob("*.*")):
            self.run.save(str(path), base_path=str(part / "files"), policy="now")

    def finish(self, exit_code: int) -> None:
        """Hand everything over, and ask the server whether it has it.

        Raises:
            OSError: if it has not.
        """
        if self._best is not None:
            self.run.summary.update({"best/psnr": self._best[0], "best/epoch": self._best[1]})
        self.run.finish(exit_code=exit_code)
        if not (self.run.disabled or self.run.offline):
            where = (self.run.settings.base_url, self.run.entity, self.run.project, self.destination.id)
            there = last_step(*where, ANSWER)
            if there is None or there < self._last:
                first = 0 if there is None else there + 1 - self.destination.offset
                raise OSError(f"the server has nothing from epoch {first} on")

    @property
    def address(self) -> str | None:
        """Of the run's page; None if it is not online."""
        url: str | None = None if self.run is None or self.run.disabled or self.run.offline else self.run.url
        return url


def end_service(run: Any, patience: float = 2) -> None:
    """End wandb's own process, however stuck it is, and leave nothing of wandb behind that could fail at exit.

    Args:
        run: wandb's, whose threads would complain; None if there is none.
        patience: seconds to wait for it.
    """
    with suppress(Exception):
        import wandb

        with suppress(Exception):  # a private name: where it is gone, wandb is asked more politely
            os.kill(wandb.setup()._connection._proc._process.pid, signal.SIGKILL)  # type: ignore[union-attr]
        wandb.run = None  # a run that could not be finished would be taken for one in progress
        teardown = threading.Thread(target=_teardown, args=(run,), daemon=True)
        teardown.start()
        teardown.join(patience)


def _teardown(run: Any) -> None:
    import wandb

    with suppress(BaseException):  # also wandb's sys.exit with its process's exit code
        run.finish()
    with suppress(BaseException):  # a private name; without it a thread of wandb's may print a traceback
        run._run_status_checker.join()
    with suppress(BaseException):
        wandb.teardown()


def has_api_key() -> bool:
    """Whether wandb has a key for its server, from the environment, ``wandb login`` or .netrc."""
    import wandb

    wandb.setup(wandb.Settings(silent=True))  # before it has anything to tell
    return wandb.login(prompt=False, verify=False)


def in_one_line(error: BaseException) -> str:
    """What an exception says."""
    return " ".join(str(error).split()) or type(error).__name__


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


def csv_table(path: Path) -> Any:
    """W&B's table of a CSV file, up to the rows that W&B shows; a column of numbers has numbers, and None if empty."""
    import wandb

    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    columns = [_numbers(column) for column in zip(*rows[:SHOWN_ROWS], strict=True)]
    return wandb.Table(columns=[*header], data=[list(row) for row in zip(*columns, strict=True)])


def _numbers(cells: Sequence[str]) -> Sequence[str] | Sequence[float | None]:
    """The cells as numbers, if all of them are.

    >>> _numbers(["1.5", ""]), _numbers(["1.5", "a"])
    ([1.5, None], ['1.5', 'a'])
    """
    try:
        return [float(cell) if cell else None for cell in cells]
    except ValueError:
        return cells


def _disable_analytics() -> None:
    """Turn off what wandb measures of itself.

    Python would wait for it at exit, ten seconds if the server hangs, and print an error if it refuses.
    """
    with suppress(ImportError, AttributeError):  # another version of wandb
        import_module("wandb.analytics.opentelemetry.opentelemetry_proxy").disable()


def _ignore(record: logging.LogRecord) -> None:
    """Instead of what logging prints when it cannot write."""
