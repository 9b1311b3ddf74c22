"""The Weights & Biases logger, whose failures never stop a run."""

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast, get_args

from lightning.fabric.loggers.logger import _DummyExperiment, rank_zero_experiment
from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn

from xinc_lightning.analyses.neuron_table import NeuronTable
from xinc_lightning.errors import did_you_mean
from xinc_lightning.loggers.background import Background
from xinc_lightning.loggers.protocol import EpochResults, RunLogger
from xinc_lightning.loggers.run_rows import Row, rows_of
from xinc_lightning.loggers.wandb_options import (
    WhenUsed,
    default_tags,
    from_environment,
    plain,
    sync_command,
    without_none,
    without_twins,
)
from xinc_lightning.loggers.wandb_session import (
    Destination,
    Mode,
    WandbSession,
    end_service,
    has_api_key,
    in_one_line,
)
from xinc_lightning.runs.records import without_nan, write_json

RECORD = "wandb.json"
"""File in the run folder with the id of its W&B run, so that it can be uploaded later."""

MODES: tuple[str, ...] = get_args(Mode)

SILENCE = 1.0
"""Seconds of waiting for uploads at the end before a message is printed."""


class WandbRun(WandbLogger, RunLogger):
    """Weights & Biases: offline without an API key, and without any failure that stops training.

    It logs one row per epoch, whose step is the number of completed epochs. Training never waits for wandb: a thread
    logs the rows, and ``xinc sync RUN`` uploads missing ones, from ``metrics.csv`` and the analyses.

    ``WANDB_MODE`` takes precedence. Otherwise the run is online if an API key is configured and the server can be
    reached, else offline. ``WANDB_PROJECT``, ``WANDB_ENTITY``, ``WANDB_NAME``, ``WANDB_RUN_GROUP``, ``WANDB_TAGS``,
    ``WANDB_NOTES`` and ``WANDB_JOB_TYPE`` take precedence over the options here.

    Args:
        project: project on the server, by default ``xinc_lightning``.
        name: name of the run, by default that of the run folder.
        save_dir: folder of wandb's files, by default the run folder.
        group: group of the run on the server.
        tags: tags of the run on the server, by default architecture and clip.
        entity: account or team, by default that of the account.
        notes: a text about the run.
        job_type: type of the run, by default ``fit``, ``test`` or ``validate``.
        init_timeout: seconds to wait for the server, while training continues.
        finish_timeout: seconds to wait for uploads after a run has ended.
        system_metrics: log the load of CPU, memory and GPU.
        checkpoints: upload the last and the best checkpoint and ``report.json`` as artifacts.
        alerts: send an alert when training diverges or fails.
    """

    label = "W&B"

    def __init__(
        self,
        project: str | None = None,
        name: str | None = None,
        save_dir: str | None = None,
        group: str | None = None,
        tags: list[str] | None = None,
        entity: str | None = None,
        notes: str | None = None,
        job_type: str | None = None,
        init_timeout: float = 30.0,
        finish_timeout: float = 6.0,
        system_metrics: bool = False,
        checkpoints: bool = False,
        alerts: bool = False,
    ) -> None:
        self.failure: str | None = None
        options: dict[str, Any] = {"project": project or "xinc_lightning", "entity": entity, "name": name}
        options |= {"group": group, "tags": tags, "notes": notes, "job_type": job_type}
        self._options = {key: value for key, value in options.items() if value} | from_environment()
        self._begin_anew(Path(save_dir or "."))
        try:
            super().__init__(project=self._options["project"], save_dir=save_dir or ".")
        except Exception as error:  # not installed, or not fit for what is: there is nothing to be set up
            Logger.__init__(self)
            self._project, self._experiment, self._log_model = self._options["project"], None, False
            self._save_dir, self._prefix = save_dir or ".", ""
            self._fail(error)
        self._id = os.environ.get("WANDB_RUN_ID") or secrets.token_hex(4)
        self._timeouts = (init_timeout, finish_timeout)
        self._system_metrics, self._checkpoints, self._alerts = system_metrics, checkpoints, alerts

    def _begin_anew(self, folder: Path) -> None:
        self._background = Background()
        self._session: WandbSession | None = None
        self._mode: Mode = "offline"
        self._config: dict[str, Any] = {}
        self._folder = folder
        self._offset = 0
        self._known = -1
        self._row: Row | None = None
        self._neurons: NeuronTable | None = None
        self._earlier: list[Row] = []

    # --- what Lightning and the run ask for -----------------------------------------------------------------

    def begin(self, command: str, run: Path, epoch: int, position: Mapping[str, Any]) -> None:
        """Use the command as the job type, and continue the run of a checkpoint, or record it as the source."""
        self._folder = run
        self._options.setdefault("job_type", command)
        if command != "fit":
            if "id" in position:
                self._config["training_run"] = position["id"]
            return
        if "id" in position:
            self._id = position["id"]
            # Version 0.1 counted calls, and the steps of a run may only grow.
            self._offset = position.get("offset", max(0, position.get("step", 0) - epoch - 1))
            self._known = epoch + self._offset
        if position and not self._offset:
            self._earlier = [row for row in rows_of(run).values() if row.epoch <= epoch]

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The wandb run, for a module of a user's; without W&B, an object whose every method does nothing.

        Lightning asks every logger for its experiment before there is a config: W&B starts when it is used.
        """
        return WhenUsed(self._run)

    def _run(self) -> Any:
        session = self._started()
        if self.failure is None:
            session.ready.wait(sum(self._timeouts))
            self._look()
        return _DummyExperiment() if self.failure or session.run is None else session.run

    @property
    def version(self) -> str | None:
        """The run's id."""
        return self._id

    @rank_zero_only
    def log_hyperparams(self, params: Any) -> None:
        """Keep the config, without options that were not given; nothing is started yet."""
        config = without_none(plain(params))
        self._config |= config
        if self._session is not None:
            session = self._session
            self._do(lambda: session.update_config(config))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add finite values to the row of their epoch; others are not valid JSON and would distort W&B's axes."""
        row = self._row_of(metrics.get("epoch"))
        finite = {name: value for name, value in without_nan(metrics).items() if value is not None}
        row.scalars |= {**finite, "epoch": row.epoch}
        if step is not None:
            row.scalars["trainer/global_step"] = step

    @rank_zero_only
    def log_results(self, results: EpochResults) -> None:
        """Add the results of an epoch's analyses to its row."""
        self.log_metrics({**results.scalars, "epoch": results.epoch}, results.global_step)
        row = self._row_of(results.epoch)
        row.pictures |= results.pictures
        row.pages |= results.pages
        row.tables |= results.tables
        row.caption = results.caption
        self._neurons = results.neurons or self._neurons

    def position(self) -> dict[str, Any]:
        """What a checkpoint has to hold: the run's id, and how its steps are counted."""
        return {} if os.environ.get("WANDB_MODE") == "disabled" else {"id": self._id, "offset": self._offset}

    @property
    def _disabled(self) -> bool:
        return "disabled" in (self._mode, os.environ.get("WANDB_MODE"))

    def where(self) -> str | None:
        """The address of the run's page, or the command that sends it later."""
        if self._disabled:
            return "disabled"
        if self._session is not None:
            self._session.ready.wait(SILENCE)
        self._look()
        if self.failure:
            return f"disabled: {self.failure}"
        return (self._session and self._session.address) or sync_command(self._folder)

    # --- rows -----------------------------------------------------------------------------------------------

    def _row_of(self, epoch: float | None) -> Row:
        """The row of an epoch that is not over yet for W&B; one of a later epoch sends the one before."""
        last = self._row.epoch if self._row else 0
        number = last if epoch is None else max(int(epoch), last)
        if self._row is None or number > last:
            self._send_row()
            self._row = Row(number)
            if self._earlier and self._earlier[-1].epoch == number:
                self._row = self._earlier.pop()  # what was logged of it before the run was interrupted
        return self._row

    def _send_row(self) -> None:
        if self._row is not None:
            row, neurons, session = self._row, self._neurons, self._started()
            self._row = self._neurons = None
            self._do(lambda: session.log(row, neurons))

    def _started(self) -> WandbSession:
        """The session, on its way from now on, with what an earlier part of the run may not have sent."""
        if self._session is None:
            self._mode = self._chosen_mode() if self.failure is None else "offline"
            fields: dict[str, Any] = {"tags": default_tags(self._config), **self._options}
            assert self._id is not None
            destination = Destination(id=self._id, offset=self._offset, **fields)
            session = WandbSession(
                destination, self._save_dir or ".", *self._timeouts, system_metrics=self._system_metrics
            )
            self._session = session
            self._config = without_twins(self._config)
            self._record(None)
            config, earlier, self._earlier = self._config, self._earlier, []
            self._do(lambda: session.start(self._mode, config, self._known))
            for row in earlier:
                self._do(lambda row=row: session.log(row))  # type: ignore[misc]
        return self._session

    def _chosen_mode(self) -> Mode:
        """What the environment asks for, else whether there is a key."""
        mode = os.environ.get("WANDB_MODE")
        if mode in MODES:
            return cast(Mode, mode)
        if mode is not None:
            near = did_you_mean(mode, MODES) or "."
            rank_zero_warn(f"WANDB_MODE is {mode!r}, so this run is logged offline{near}")
            os.environ["WANDB_MODE"] = "offline"
            return "offline"
        try:
            if has_api_key():
                return "online"
        except Exception as error:
            self._fail(error)
            return "offline"
        print(
            f"W&B: no API key found, so this run is logged offline; `{sync_command(self._folder)}` sends it later, "
            "`wandb login` makes the next one go online."
        )
        return "offline"

    def _record(self, exit_code: int | None) -> None:
        """Save the id of the W&B run, for ``xinc sync``."""
        assert self._session is not None
        record = {
            "destination": asdict(self._session.destination),
            "config": self._config,
            "exit_code": exit_code,
        }
        with suppress(OSError):
            if self._mode != "disabled":
                write_json(self._folder / RECORD, record)

    # --- failures -------------------------------------------------------------------------------------------

    def _do(self, task: Callable[[], None]) -> None:
        """Queue a call of wandb, and report failures of earlier ones."""
        self._look()
        if self.failure is None:
            self._background.do(task)

    def _look(self) -> None:
        """Report pending messages and failures, once."""
        session = self._session
        while session is not None and session.notes:
            rank_zero_warn(session.notes.pop(0))
        if self._background.failure is not None and self.failure is None:
            self._fail(self._background.failure)
            end_service(session and session.run)

    def _fail(self, error: BaseException) -> None:
        self.failure = in_one_line(error)
        later = f"; `{sync_command(self._folder)}` sends them later" if self._session else ""
        rank_zero_warn(
            f"W&B is disabled from here on ({self.failure}). The run continues; its results are in its folder{later}."
        )

    # --- the end --------------------------------------------------------------------------------------------

    def close(self, exit_code: int = 0, error: str = "") -> None:
        """Flush everything to wandb within a bounded time, and finish its run."""
        if self._row is not None:
            self._send_row()
        session = self._session
        if session is not None:
            self._record(exit_code)
            if self._alerts and error:
                self._do(lambda: session.alert("Training failed", error))
            if self._checkpoints:
                self._do(lambda: session.add_files(self._folder))
            self._do(lambda: session.finish(exit_code))
            if self.failure is None:
                self._wait(session)
        self._begin_anew(self._folder)

    def _wait(self, session: WandbSession) -> None:
        """Wait for the uploads; missing rows are reported once, with the command that uploads them."""
        why = None
        try:
            if not self._background.wait(SILENCE):
                seconds = self._timeouts[1]
                if not self._disabled:
                    skip = "press Ctrl-C to skip, nothing is lost."
                    print(f"W&B: waiting up to {seconds:g} s for uploads; {skip}", flush=True)
                if not self._background.wait(seconds):
                    why = "it did not answer in time"
        except (KeyboardInterrupt, SystemExit):  # training is done: whoever stops the waiting loses nothing
            why = "stopped"
        if why is None and self._background.failure is None:
            # wandb's own process does not tell ours that it could not write what it was sent.
            if self._mode != "disabled" and shutil.disk_usage(self._save_dir or ".").free == 0:
                why = f"the disk of '{self._save_dir}' is full"
        elif why is None:
            why = in_one_line(self._background.failure or Exception())
        for note in session.notes:
            rank_zero_warn(note)
        if why is not None:
            session.abandoned = True
            end_service(session.run)
            self.failure = why
            rank_zero_warn(
                f"W&B does not have all of this run ({why}). Nothing is lost: "
                f"`{sync_command(self._folder)}` sends what is missing."
            )
