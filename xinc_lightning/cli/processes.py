"""The other processes of a run: one that dies or freezes ends the run, with one line that says which and why.

Otherwise Lightning notices a process that died, and kills the first one, too, without a word; and one that is frozen
is waited for until the process group's timeout.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from xinc_lightning.canvas.reduction import lost_a_process
from xinc_lightning.cli.failures import how_to_resume
from xinc_lightning.errors import UserError
from xinc_lightning.runs.lightning_private import observed_by

INTERVAL = 0.5
"""Seconds between two looks at the processes."""

FROZEN = 60.0
"""Seconds for which a process may be stopped by a signal, while this one is not, before it is ended."""

GRACE = 10.0
"""Seconds in which this process should notice by itself that another has died."""

STOPPED_BY = (signal.SIGINT, signal.SIGTERM)
"""Signals to which a process answers by saving and an exit code, as all the others then do."""


class Watch(threading.Thread):
    """Watches the processes that this one has started, and ends the run if one is lost.

    Args:
        run: the run's folder.
        processes: of ranks 1, 2, ….
        frozen: see :data:`FROZEN`.
        grace: see :data:`GRACE`.
    """

    def __init__(
        self,
        run: Path,
        processes: Sequence["subprocess.Popen[bytes]"],
        frozen: float = FROZEN,
        grace: float = GRACE,
    ) -> None:
        super().__init__(daemon=True, name="processes of this run")
        self.run_folder, self.processes, self.frozen, self.grace = run, processes, frozen, grace
        self.lost = ""
        self._over = threading.Event()
        self._stopped_for = Counter[int]()  # looks in a row

    def run(self) -> None:
        """Look at the processes until the run is over or one of them is lost."""
        while not self._over.wait(INTERVAL):
            if self.look():
                if not self._over.wait(self.grace):
                    self._end_the_run()
                return

    def look(self) -> bool:
        """Whether a process is lost; ends one that has been frozen for too long."""
        for rank, process in enumerate(self.processes, 1):
            code = process.poll()
            self._stopped_for[rank] = self._stopped_for[rank] + 1 if _is_stopped(process.pid) else 0
            if code and code - 128 not in STOPPED_BY:
                self.lost = self.lost or f"process {rank} died ({_how(code)})"
            elif self._stopped_for[rank] * INTERVAL > self.frozen:
                self.lost = f"process {rank} was frozen for more than {self.frozen:.0f} s and has been ended"
                process.kill()
        return bool(self.lost)

    def over(self) -> None:
        """This process says itself how the run ends."""
        self._over.set()

    def end_the_others(self) -> None:
        """Wait a moment for the others to end by themselves, then kill them."""
        until = time.monotonic() + self.grace
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
            process.kill()

    def _end_the_run(self) -> None:
        for process in self.processes:
            process.kill()
        print(f"xinc: error: {_sentence(0, self.lost, self.run_folder)}", file=sys.stderr, flush=True)
        os._exit(1)  # the main thread waits for an answer that does not come, or works for minutes


@contextmanager
def watching(run: Path, rank: int) -> Iterator[None]:
    """While a command runs: the loss of another process is a :class:`UserError` that names it.

    Args:
        run: the run's folder.
        rank: of this process; rank 0 has started those on its machine, and says how to resume.

    Raises:
        UserError: if another process died, or has not answered within the process group's timeout.
    """
    watches: list[Watch] = []

    def observe(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
        watches.append(Watch(run, processes, FROZEN, GRACE))
        watches[-1].start()

    try:
        with observed_by(observe):
            yield
    except BaseException as error:
        for watch in watches:
            watch.over()
        if not isinstance(error, RuntimeError) or not lost_a_process(error):
            raise
        raise UserError(_sentence(rank, _reason(error, watches), run)) from error
    finally:
        for watch in watches:
            watch.over()
            if sys.exc_info()[0] is not None:
                watch.end_the_others()


def _reason(error: RuntimeError, watches: Sequence[Watch]) -> str:
    """Why another process does not answer."""
    if match := re.search(r"[Tt]imed out waiting (\d+)ms", str(error)):
        return (
            f"another process has not answered for {int(match[1]) / 1000:g} s: it is frozen, or needs longer than "
            "the timeout of trainer.strategy"
        )
    until = time.monotonic() + 2  # the connection is lost a moment before the process is gone
    while time.monotonic() < until:
        for watch in watches:
            if watch.look():
                return watch.lost
        time.sleep(0.05)
    return "another process died"


def _sentence(rank: int, reason: str, run: Path) -> str:
    left = how_to_resume(run) if rank == 0 else ""
    return f"process {rank} of this run stops because {reason}. {left}".rstrip()


def _how(code: int) -> str:
    """How a process ended, by its exit code; a negative one is that of a signal."""
    with suppress(ValueError):
        if code < 0:
            return signal.Signals(-code).name
    return f"exit code {code}"


def _is_stopped(pid: int) -> bool:
    """Whether a process is stopped by a signal; False where the system does not say."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"
    return False
