"""The plain pool: so many fits at once on this machine, each in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress

from xinc_lightning.studies.fleet.fit import job
from xinc_lightning.studies.fleet.plan import Cell

RETRIES = 3
"""Times that a fit whose process was killed is begun again."""

POLL = 0.05
"""Seconds between two looks at the processes."""

THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")


class Pool:
    """Runs fits in processes; a fit whose process is killed goes on from its last checkpoint.

    The cores of this machine are divided among the processes, unless ``OMP_NUM_THREADS`` says how many each has.

    Args:
        workers: fits at once.
    """

    program = (sys.executable, "-m", "xinc_lightning.studies.fleet.fit")

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._waiting = deque[Cell]()
        self._running: dict[subprocess.Popen[str], Cell] = {}
        self._killed = Counter[str]()
        self._stopping = False
        threads = str(max(1, cores() // workers))
        self._environment = {**dict.fromkeys(THREADS, os.environ.get(THREADS[0], threads)), **os.environ}

    @property
    def busy(self) -> bool:
        """Whether there are fits that have not ended."""
        return bool(self._waiting or self._running)

    def submit(self, cells: Sequence[Cell]) -> None:
        """Queue fits."""
        self._waiting.extend(cells)

    def wait(self, seconds: float) -> list[tuple[Cell, int]]:
        """Fits that have ended within so many seconds, as soon as there are any, with their exit codes."""
        until = time.monotonic() + seconds
        while True:
            while self._waiting and len(self._running) < self.workers:
                self._start(self._waiting.popleft())
            ended = [process for process in self._running if process.poll() is not None]
            results = [result for process in ended if (result := self._end(process)) is not None]
            if results or time.monotonic() > until:
                return results
            time.sleep(POLL)

    def stop(self, at_once: bool = False) -> None:
        """Start no more fits, and have the running ones finish their epoch; or kill them."""
        self._stopping = True
        self._waiting.clear()
        for process in list(self._running):
            with suppress(ProcessLookupError):
                if at_once:
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Kill what is still running."""
        self.stop(at_once=True)
        for process in self._running:
            process.wait()

    def _start(self, cell: Cell) -> None:
        process = subprocess.Popen(
            self.program,
            stdin=subprocess.PIPE,  # its end tells the fit that we are gone
            text=True,
            env=self._environment,
            start_new_session=True,  # Ctrl-C is for us, not for the fits
        )
        self._running[process] = cell
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(job(cell) + "\n")
            process.stdin.flush()

    def _end(self, process: "subprocess.Popen[str]") -> tuple[Cell, int] | None:
        """The result of a process that has ended; None if its fit is begun again."""
        cell = self._running.pop(process)
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        code = process.returncode
        if code < 0 and not self._stopping:
            self._killed[cell.name] += 1
            if self._killed[cell.name] <= RETRIES:
                self._waiting.appendleft(cell)
                return None
        return cell, code if code >= 0 else 128 - code


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
