"""What is known of each fit while a fleet is at work, mostly from the fits' logs."""

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from xinc_lightning.errors import INTERRUPTED, TERMINATED
from xinc_lightning.runs.layout import REPORT
from xinc_lightning.studies.fleet.plan import Cell

State = Literal["waiting", "running", "done", "failed", "stopped"]

TAIL = 1 << 16
"""Bytes of a log that are read."""

BEGINNING = re.compile(r"^--- (.+), process \d+, .*$", re.MULTILINE)
EPOCH = re.compile(r"^epoch (\d+)/(\d+)  (-?[\d.]+|nan|inf) dB$", re.MULTILINE)
ERROR = re.compile(r"^xinc: error: (.+)$", re.MULTILINE)


@dataclass
class Status:
    """How far a fit is.

    Attributes:
        cell: the fit.
        state: of it.
        host: where it runs or has run; empty if it has not begun.
        epoch: completed, as far as its log tells.
        epochs: of the whole training; 0 if not known.
        psnr: in dB, of the last known epoch; None if not known.
        remaining: seconds of training; None if not known.
        reason: why it failed, in one line.
    """

    cell: Cell
    state: State = "waiting"
    host: str = ""
    epoch: int = 0
    epochs: int = 0
    psnr: float | None = None
    remaining: float | None = None
    reason: str = ""
    _seen: tuple[float, int] | None = field(default=None, repr=False)

    def read_log(self, path: Path, since: int) -> None:
        """Take over what the log says of the present attempt.

        Args:
            path: of the log.
            since: bytes of it that were there before the fleet began.
        """
        text = _new_text(path, since)
        begun = [*BEGINNING.finditer(text)]
        if not begun:
            return
        self.state, self.host = "running", begun[-1][1]
        epochs = EPOCH.findall(text, begun[-1].end())
        if not epochs:
            return
        epoch, self.epochs = int(epochs[-1][0]), int(epochs[-1][1])
        self.psnr = float(epochs[-1][2])
        now = time.monotonic()
        if self._seen is None or epoch < self.epoch:
            self._seen = now, epoch
        elif epoch > self.epoch:
            begin, first = self._seen
            self.remaining = (now - begin) / (epoch - first) * (self.epochs - epoch)
        self.epoch = epoch

    def end(self, code: int, log: Path, run: Path | None) -> None:
        """Take over how the fit ended.

        Args:
            code: of the process.
            log: of the fit.
            run: its folder, if it has one.
        """
        self.remaining = None
        if code == 0:
            self.state, self.epoch = "done", self.epochs
            with suppress(OSError, ValueError, KeyError, TypeError):
                assert run is not None
                self.psnr = float(json.loads((run / REPORT).read_text(encoding="utf-8"))["psnr"])
        elif code in (INTERRUPTED, TERMINATED):
            self.state = "stopped"
        else:
            self.state, self.reason = "failed", _reason(log, code)


def _reason(log: Path, code: int) -> str:
    """Why a fit failed: its error, else the last line that it printed."""
    text = _new_text(log, 0)
    begun = [*BEGINNING.finditer(text)]
    text = text[begun[-1].end() :] if begun else text
    if code > 128 and not ERROR.search(text):
        return f"its process was killed by signal {code - 128}, again and again; is there enough memory?"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = ERROR.findall(text)
    return errors[-1] if errors else lines[-1] if lines else f"it ended with exit code {code}"


def _new_text(path: Path, since: int) -> str:
    """The end of a log, without what was there before."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(since, size - TAIL))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
