"""A process of a run that dies or freezes is named, within a bounded wait, and the run ends with exit code 1."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xinc_lightning.cli import processes
from xinc_lightning.cli.processes import Watch, watching
from xinc_lightning.errors import UserError
from xinc_lightning.runs.lightning_private import subprocess_script

SLEEPS = [sys.executable, "-c", "import time; time.sleep(100)"]
GLOO = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer"
LATE = (
    "[../gloo/transport/tcp/unbound_buffer.cc:78] Timed out waiting 600000ms for recv operation to complete"
)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Waits of a test's length."""
    monkeypatch.setattr(processes, "INTERVAL", 0.05)
    monkeypatch.setattr(processes, "GRACE", 0.1)


@pytest.fixture
def child():
    process = subprocess.Popen(SLEEPS)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def ended(monkeypatch):
    """Exit codes with which the watch would have ended this process."""
    codes = []
    monkeypatch.setattr(processes.os, "_exit", codes.append)
    return codes


def run_until(error, folder, rank=0, child=None, kill=False):
    """A run that starts a process, as Lightning does, and ends with an error."""
    with watching(folder, rank):
        if child is not None:
            subprocess_script._launch_process_observer([child])
        if kill:
            child.kill()
        if error is not None:
            raise error


def test_a_killed_process_is_named(child, tmp_path):
    with pytest.raises(UserError) as error:
        run_until(RuntimeError(GLOO), tmp_path, child=child, kill=True)
    assert str(error.value) == (
        "process 0 of this run stops because process 1 died (SIGKILL). The run has no checkpoint yet."
    )


def test_other_ranks_do_not_say_how_to_resume(tmp_path):
    with pytest.raises(UserError, match=r"^process 2 of this run stops because another process died\.$"):
        run_until(RuntimeError(GLOO), tmp_path, rank=2)


def test_the_wait_for_a_frozen_process_is_stated(child, tmp_path):
    with pytest.raises(UserError, match="another process has not answered for 600 s: it is frozen, or needs"):
        run_until(RuntimeError(LATE), tmp_path, child=child)
    assert child.wait(5) == -signal.SIGKILL, "nothing is left behind"


def test_other_errors_stay_what_they_are_and_nothing_is_left_behind(child, tmp_path):
    with pytest.raises(RuntimeError, match=r"^a bug$"):
        run_until(RuntimeError("a bug"), tmp_path, child=child)
    assert child.wait(5) == -signal.SIGKILL


def test_a_process_that_goes_on_is_left_alone(child, tmp_path):
    run_until(None, tmp_path, child=child)
    assert child.poll() is None


def test_where_the_first_process_does_not_notice_the_run_is_ended_for_it(child, tmp_path, ended, capsys):
    watch = Watch(tmp_path, [child], grace=0.1)
    child.kill()
    watch.start()
    watch.join(10)
    assert ended == [1]
    assert capsys.readouterr().err == (
        "xinc: error: process 0 of this run stops because process 1 died (SIGKILL). "
        "The run has no checkpoint yet.\n"
    )


def test_a_process_stopped_by_a_signal_is_ended_after_a_while(child, tmp_path, ended, capsys):
    watch = Watch(tmp_path, [child], frozen=1, grace=0.1)
    child.send_signal(signal.SIGSTOP)
    watch.start()
    watch.join(20)
    assert ended == [1]
    assert "process 1 was frozen for more than 1 s and has been ended" in capsys.readouterr().err
    assert child.wait(5) == -signal.SIGKILL


def test_a_process_that_is_woken_in_time_is_left_alone(child, tmp_path, ended):
    watch = Watch(tmp_path, [child], frozen=1, grace=0.1)
    watch.start()
    for _ in range(3):
        child.send_signal(signal.SIGSTOP)
        time.sleep(0.6)
        child.send_signal(signal.SIGCONT)
        time.sleep(0.3)
    watch.over()
    watch.join(10)
    assert (child.poll(), ended, watch.lost) == (None, [], "")


@pytest.mark.parametrize(("code", "how"), [(3, "exit code 3"), (143, ""), (130, ""), (0, "")])
def test_a_process_that_answered_a_signal_is_not_lost(code, how, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    process.wait()
    watch = Watch(Path(tmp_path), [process])
    assert watch.look() is bool(how)
    assert how in watch.lost
