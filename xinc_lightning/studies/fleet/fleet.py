"""Carries out a plan: only what is missing, by whichever engine, and whatever happens to single fits."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Protocol

from xinc_lightning.errors import UserError
from xinc_lightning.runs.folder import hold, unlock
from xinc_lightning.runs.layout import LOCK
from xinc_lightning.studies.fleet.plan import Cell, Plan
from xinc_lightning.studies.fleet.state import is_done, log_of, newest_runs, runs_of
from xinc_lightning.studies.fleet.status import Status

INTERVAL = 0.5
"""Seconds between two looks at the logs."""

AHEAD = 64
"""Waiting fits in a row after which no log is looked for: fits begin roughly in the plan's order."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)


STOPPING = b"\nxinc: the fits finish their epochs and save checkpoints; press again to stop immediately.\n"


class Engine(Protocol):
    """What runs fits: each once, retried if its process or machine is lost."""

    @property
    def busy(self) -> bool:
        """Whether there are fits that have not ended."""

    def submit(self, cells: Sequence[Cell]) -> None:
        """Queue fits."""

    def wait(self, seconds: float) -> list[tuple[Cell, int]]:
        """Fits that have ended within so many seconds, as soon as there are any, with their exit codes."""

    def stop(self, at_once: bool = False) -> None:
        """Start no more fits, and have the running ones finish their epoch; or kill them."""

    def close(self) -> None:
        """Release everything."""


def missing(plan: Plan) -> list[Cell]:
    """Cells whose fits are not done."""
    runs = runs_of(plan)
    return [cell for cell in plan.cells if cell.name not in runs or not is_done(runs[cell.name])]


@contextmanager
def alone_with(runs: Path) -> Iterator[None]:
    """Have no other fleet train the same runs at the same time.

    Raises:
        UserError: if one does, or the folder cannot be made.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder of the runs '{runs}' cannot be made: {error.strerror}.") from None
    if not hold(runs / LOCK):
        raise UserError(f"another fleet is training the runs in '{runs}'.")
    try:
        yield
    finally:
        unlock()


def carry_out(
    cells: Sequence[Cell], engine: Engine, watch: Callable[[Sequence[Status]], None]
) -> list[Status]:
    """Run fits until all have ended.

    The first Ctrl-C or SIGTERM lets each running fit finish its epoch, the second kills them.

    Args:
        cells: the fits that are missing.
        engine: runs them.
        watch: called now and then with how far all are.

    Returns:
        How each ended; ``waiting`` if it was not begun.
    """
    statuses = {cell.name: Status(cell) for cell in cells}
    logs = {cell.name: log_of(cell) for cell in cells}
    before = {name: path.stat().st_size for name, path in logs.items() if path.is_file()}
    going = dict(statuses)
    try:
        with _signals() as asked:
            engine.submit(cells)
            obeyed = 0
            while engine.busy:
                if asked["to stop"] > obeyed:
                    obeyed = asked["to stop"]
                    engine.stop(at_once=obeyed > 1)
                for cell, code in engine.wait(INTERVAL):
                    status = going.pop(cell.name)
                    status.read_log(logs[cell.name], before.get(cell.name, 0))
                    status.end(code, logs[cell.name], newest_runs(cell.runs).get(cell.name))
                _read_logs(going, logs, before)
                watch([*statuses.values()])
    finally:
        engine.close()
    return [*statuses.values()]


def _read_logs(going: Mapping[str, Status], logs: Mapping[str, Path], before: Mapping[str, int]) -> None:
    """Look how far the fits are that have not ended."""
    in_a_row = 0
    for name, status in going.items():
        status.read_log(logs[name], before.get(name, 0))
        in_a_row = in_a_row + 1 if status.state == "waiting" else 0
        if in_a_row == AHEAD:
            return


@contextmanager
def _signals() -> Iterator[Counter[str]]:
    """Count the signals that ask to stop, instead of stopping."""
    asked = Counter[str]()

    def count(signum: int, frame: FrameType | None) -> None:
        asked["to stop"] += 1
        if asked["to stop"] == 1:
            os.write(2, STOPPING)

    handlers = {signum: signal.signal(signum, count) for signum in SIGNALS}
    try:
        yield asked
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, handler)
