"""What a run does when W&B fails: the table of docs/reliability.md, against a server on this machine.

python scripts/wandb_faults.py                 # all faults, about ten minutes
python scripts/wandb_faults.py frozen slow     # those whose names contain one of these words

Each row is a short `fit` in a process of its own. Seconds are those from when nothing is left to be logged to the end
of the process; rows are counted on the server after the command that the run has printed.
"""

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "loggers"))

from fake_wandb import FakeServer  # noqa: E402  (found by the line above)

EPOCHS = 30
SMALL = [
    *(
        "--config",
        "quick.yaml",
        "--data.frames",
        "0:4",
        "--data.resize",
        "[32, 64]",
        "--model.target_bpp",
        "300",
    ),
    *("--trainer.max_epochs", str(EPOCHS), "--trainer.check_val_every_n_epoch", "5"),
]
LONGEST = 600.0
TIMED = """
import atexit, sys, time
start = []
atexit.register(lambda: print(f"seconds of W&B: {time.monotonic() - start[0]:.1f}" if start else "", flush=True))
from xinc_lightning.loggers import WandbRun
close = WandbRun.close
WandbRun.close = lambda *given: (start.append(time.monotonic()), close(*given))[1]
from xinc_lightning.cli.main import main
main()
"""
"""The command line, which says how long W&B took at the end, with what wandb does when Python exits."""
MIDDLE, END = f"epoch 9/{EPOCHS}", "result"
"""What a run prints at a third of its training, and at its end."""

Trouble = Callable[[FakeServer, subprocess.Popen[str]], None]


@dataclass
class Ended:
    """How a process ended.

    Attributes:
        code: its exit code.
        seconds: that W&B took when everything else was done; None if the process was killed.
        warnings: lines about W&B on its error stream.
        text: everything it said.
    """

    code: int
    seconds: float | None
    warnings: list[str]
    text: str


@dataclass
class Case:
    """A fault and what came of it.

    Attributes:
        name: of the fault.
        ended: the last process of the case.
        before: epochs on the server at its end.
        after: epochs on the server after the printed command.
    """

    name: str
    ended: Ended
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)

    def line(self) -> str:
        """A row of the table."""
        whole = "all, once" if self.after == [*range(1, EPOCHS + 1)] else f"**{self.after}**"
        seconds = "" if self.ended.seconds is None else f"{self.ended.seconds:.1f}"
        return (
            f"| {self.name} | {self.ended.code} | {seconds} | {len(self.ended.warnings)} "
            f"| {len(self.before)} | {whole} |"
        )


def run(
    arguments: list[str],
    folder: Path,
    server: FakeServer,
    at: str = "",
    trouble: Trouble | None = None,
    **env: str,
) -> Ended:
    """Run a command and make trouble when it prints something."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        **server.environment(),
        **env,
    }
    command = [sys.executable, "-c", TIMED, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=folder, env=environment, **pipes)  # type: ignore[call-overload]
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.extend(process.stderr), daemon=True)
    reader.start()
    limit = threading.Timer(LONGEST, process.kill)
    limit.start()
    printed, said = [], False
    for line in process.stdout:
        printed.append(line)
        if trouble and not said and at in line:
            said = True
            trouble(server, process)
    code = process.wait()
    limit.cancel()
    reader.join(5)
    took = re.findall(r"seconds of W&B: (\S+)", "".join(printed))
    seconds = float(took[-1]) if took else None
    warnings = [line.strip() for line in errors if "W&B" in line and "warn(" not in line]
    return Ended(code, seconds, warnings, "".join(printed) + "".join(errors))


def core_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes of wandb's own that a run has started."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    return [
        int(pid)
        for pid, parent, args in rows
        if int(parent) == process.pid and "wandb-core" in args and "defunct" not in args
    ]


def signal_core(signum: int) -> Trouble:
    """Send a signal to wandb's own process."""

    def trouble(server: FakeServer, process: subprocess.Popen[str]) -> None:
        for pid in core_of(process):
            os.kill(pid, signum)

    return trouble


def fault(kind: str) -> Trouble:
    """Let the server misbehave from now on."""

    def trouble(server: FakeServer, process: subprocess.Popen[str]) -> None:
        server.fault = kind

    return trouble


def recovering(server: FakeServer, process: subprocess.Popen[str]) -> None:
    """Out of order for three seconds."""
    server.fault = "500"
    threading.Timer(3, lambda: setattr(server, "fault", "ok")).start()


def kill(server: FakeServer, process: subprocess.Popen[str]) -> None:
    """SIGKILL the run."""
    process.kill()


def interrupt(server: FakeServer, process: subprocess.Popen[str]) -> None:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)


def behind(server: FakeServer, process: subprocess.Popen[str]) -> None:
    """SIGKILL the run when the server has missed some epochs."""
    server.fault = "500"
    time.sleep(1.5)
    process.kill()


def epochs_of(server: FakeServer) -> list[int]:
    """Epochs of the rows that the server has."""
    return [row["epoch"] for run in server.runs.values() for row in run.rows]


def sent(name: str, ended: Ended, folder: Path, server: FakeServer) -> Case:
    """Do what the run has printed, on a server that works."""
    server.fault = "ok"
    case = Case(name, ended, epochs_of(server))
    if found := re.search(r"(?:xinc )(sync [^`\n]*?)(?=[`\n ]*$|`)", ended.text, re.MULTILINE):
        done = run(shlex.split(found[1]), folder, server)
        if done.code:
            print(done.text, file=sys.stderr)
    case.after = epochs_of(server)
    return case


def one(name: str, at: str, trouble: Trouble | None, fault_at_start: str = "ok") -> Callable[[Path], Case]:
    """A run that meets one fault."""

    def case(folder: Path) -> Case:
        with FakeServer() as server:
            server.fault = fault_at_start
            return sent(name, run(["fit", *SMALL], folder, server, at, trouble), folder, server)

    return case


def parts(name: str, *stages: tuple[Trouble | None, str]) -> Callable[[Path], Case]:
    """A run in several parts: what ends each, and its WANDB_MODE."""

    def case(folder: Path) -> Case:
        with FakeServer() as server:
            for number, (trouble, mode) in enumerate(stages):
                more = ["--ckpt_path", "last"] if number else []
                at = f"epoch {9 * (number + 1)}/{EPOCHS}"
                server.fault = "ok"
                ended = run(["fit", *SMALL, *more], folder, server, at, trouble, WANDB_MODE=mode)
            return sent(name, ended, folder, server)

    return case


MID_RUN = ("hang", "500", "502", "429", "401", "403", "404", "409", "drop", "slow")
CASES = {
    "no fault": one("no fault", "", None),
    **{
        f"server at the start: {k}": one(f"server at the start: {k}", "", None, k)
        for k in ("hang", "500", "401", "drop")
    },
    **{f"server in mid-run: {k}": one(f"server in mid-run: {k}", MIDDLE, fault(k)) for k in MID_RUN},
    "server at the end: hang": one("server at the end: hang", END, fault("hang")),
    "server recovering after 3 s": one("server recovering after 3 s", MIDDLE, recovering),
    "wandb-core killed": one("wandb-core killed", MIDDLE, signal_core(signal.SIGKILL)),
    "wandb-core frozen": one("wandb-core frozen", MIDDLE, signal_core(signal.SIGSTOP)),
    "wandb-core killed at the end": one("wandb-core killed at the end", END, signal_core(signal.SIGKILL)),
    "resumed online, server ahead (SIGKILL)": parts(
        "resumed online, server ahead (SIGKILL)", (kill, "online"), (None, "online")
    ),
    "resumed online, server behind (SIGKILL)": parts(
        "resumed online, server behind (SIGKILL)", (behind, "online"), (None, "online")
    ),
    "resumed online after Ctrl-C": parts(
        "resumed online after Ctrl-C", (interrupt, "online"), (None, "online")
    ),
    "offline, two parts": parts("offline, two parts", (interrupt, "offline"), (None, "offline")),
    "offline, three parts, SIGKILL": parts(
        "offline, three parts, SIGKILL", (kill, "offline"), (kill, "offline"), (None, "offline")
    ),
    "offline, then online": parts("offline, then online", (interrupt, "offline"), (None, "online")),
    "online, then offline": parts("online, then offline", (kill, "online"), (None, "offline")),
}


def main() -> None:
    """Print the table; exit with 1 if a row is not as promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", help="only faults whose names contain one of these")
    words = parser.parse_args().words
    print("| fault | exit code | seconds at the end | warnings | rows there | after the printed command |")
    print("|---|---|---|---|---|---|")
    bad = 0
    for name, case in CASES.items():
        if words and not any(word in name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            found = case(Path(folder))
        print(found.line(), flush=True)
        if words:
            print("\n".join(found.ended.warnings), file=sys.stderr)
        good = found.ended.code == 0 and (found.ended.seconds or 0) <= 10 and len(found.ended.warnings) <= 1
        bad += not (good and found.after == [*range(1, EPOCHS + 1)])
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
