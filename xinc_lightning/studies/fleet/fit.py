"""One fit of a fleet, in a process of its own: ``python -m xinc_lightning.studies.fleet.fit``.

It runs the ordinary command, on from the last checkpoint if there is one. What it prints goes to the fit's log.
"""

import json
import os
import runpy
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from xinc_lightning.runs.folder import hold, unlock
from xinc_lightning.runs.layout import LOCK
from xinc_lightning.studies.fleet.plan import Cell
from xinc_lightning.studies.fleet.state import command, is_done, last_checkpoint, log_of, newest_runs

BUSY = 90.0
"""Seconds to wait for a process that trains the same run to end: it may be dying, or finishing its epoch."""

GRACE = 30.0
"""Seconds that a fit without its fleet has to save a checkpoint."""


def fit(cell: Cell) -> int:
    """Do what is missing of a fit, in this process; standard output and error go to its log from now on.

    Returns:
        The command's exit code.
    """
    log = log_of(cell)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(header())
        file.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    _wait_until_free(cell)
    run = newest_runs(cell.runs).get(cell.name)
    if run is not None and is_done(run):
        return 0
    if run is not None and last_checkpoint(run) is None:  # stopped before there was anything to go on from
        shutil.rmtree(run)
        run = None
    return _run(command(cell, run))


def header() -> str:
    """The line of a log with which a fit begins: where and when."""
    return f"--- {socket.gethostname()}, process {os.getpid()}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n"


def _run(arguments: Sequence[str]) -> int:
    """Run ``python -m xinc_lightning`` here; returns its exit code."""
    sys.argv = ["xinc", *arguments]
    try:
        runpy.run_module("xinc_lightning", run_name="__main__", alter_sys=False)
    except SystemExit as end:
        code = end.code
        return code if isinstance(code, int) else int(code is not None)
    finally:
        sys.stdout.flush()
    return 0


def _wait_until_free(cell: Cell) -> None:
    """Wait until no other process trains the cell's run; the command itself refuses if one still does."""
    until = time.monotonic() + BUSY
    while (run := newest_runs(cell.runs).get(cell.name)) and time.monotonic() < until:
        if hold(run / LOCK):
            unlock()
            return
        time.sleep(0.5)


def _stop_without_fleet() -> None:
    """Wait for the end of standard input, which is that of the fleet; then save a checkpoint and end."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(128 + signal.SIGTERM)


def job(cell: Cell) -> str:
    """A fit as a line of text, for the process that is to run it."""
    return json.dumps({**vars(cell), "runs": str(cell.runs)})


def _main() -> None:
    given = json.loads(sys.stdin.readline())
    cell = Cell(**{**given, "configs": tuple(given["configs"]), "runs": Path(given["runs"])})
    threading.Thread(target=_stop_without_fleet, daemon=True).start()
    raise SystemExit(fit(cell))


if __name__ == "__main__":
    _main()
