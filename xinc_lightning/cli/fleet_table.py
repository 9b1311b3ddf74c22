"""How far the fits of a fleet are: a live table, or a line now and then where the output is no terminal."""

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from xinc_lightning.cli.console import say
from xinc_lightning.studies.fleet.status import Status
from xinc_lightning.text import counted, printable

SILENCE = 60.0
"""Seconds after which each running fit gets a line, where the output is no terminal."""

SHOWN = 20
"""Fits in the table, beside the running ones."""


class FleetTable:
    """Shows the fits while it is open.

    Args:
        fits: of the plan.
        done: of them, before it began.
    """

    def __init__(self, fits: int, done: int) -> None:
        self.fits, self.done = fits, done
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._said: dict[str, str] = {}
        self._spoke = time.monotonic()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, statuses: Sequence[Status]) -> None:
        """Show how far they are."""
        if self._live:
            self._live.update(self._table(statuses), refresh=True)
            return
        late = time.monotonic() - self._spoke > SILENCE
        for status in statuses:
            changed = self._said.get(status.cell.name, "waiting") != status.state
            if changed or (late and status.state == "running"):
                say(line(status))
                self._said[status.cell.name] = status.state
        if late:
            self._spoke = time.monotonic()

    def _table(self, statuses: Sequence[Status]) -> Table:
        counts = Counter(status.state for status in statuses)
        counts["done"] += self.done
        said = [
            f"{counts[state]} {state}" for state in ("done", "running", "waiting", "failed") if counts[state]
        ]
        table = Table("fit", "state", "epoch", "PSNR", "left", "host", box=None)
        table.title, table.title_justify = f"{counted(self.fits, 'fit')}: {', '.join(said)}", "left"
        running = [status for status in statuses if status.state == "running"]
        ended = [status for status in statuses if status.state not in ("running", "waiting")]
        for status in [*ended[-SHOWN:], *running]:
            table.add_row(*(Text(printable(cell)) for cell in _row(status)))
        return table


def line(status: Status) -> str:
    """One fit in a line."""
    name, state, epoch, psnr, left, host = _row(status)
    told = [f"epoch {epoch}" if epoch else "", psnr, f"{left} left" if left else "", host and f"on {host}"]
    reason = [f": {status.reason}"] if status.reason else []
    return f"{state}: {name}  " + ", ".join(filter(None, told)) + "".join(reason)


def _row(status: Status) -> tuple[str, ...]:
    return (
        status.cell.name,
        status.state,
        f"{status.epoch}/{status.epochs}" if status.epochs else "",
        "" if status.psnr is None else f"{status.psnr:.2f} dB",
        "" if status.remaining is None else duration(status.remaining),
        status.host,
    )


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds.

    >>> duration(59.6), duration(3725)
    ('1:00', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
