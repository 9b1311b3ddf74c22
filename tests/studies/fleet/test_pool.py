"""The plain pool, with processes that train nothing."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from xinc_lightning.studies.fleet.pool import RETRIES, Pool

FAKE = """
import json, os, signal, sys, time
cell = json.loads(sys.stdin.readline())
folder = cell["runs"]
me = f"{folder}/{cell['name']}.{os.getpid()}"
with open(me, "w") as file:
    json.dump({"threads": os.environ["OMP_NUM_THREADS"], "from": time.monotonic()}, file)
def stop(*_):
    open(me + ".stopped", "w").close()
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
what = cell["name"].split("_")[0]
if what == "sleep":
    time.sleep(60)
if what == "die":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "once" and len([f for f in os.listdir(folder) if f.startswith(cell["name"])]) == 1:
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(0.2)
with open(me, "w") as file:
    json.dump({"threads": os.environ["OMP_NUM_THREADS"], "until": time.monotonic()}, file)
sys.exit(3 if what == "fail" else 0)
"""


@pytest.fixture(autouse=True)
def fake(tmp_path, monkeypatch):
    """Processes write a file when they begin, and do what their name says."""
    path = tmp_path / "fake.py"
    path.write_text(FAKE)
    monkeypatch.setattr(Pool, "program", (sys.executable, "-S", str(path)))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")


def results(pool, cells):
    ended = {}
    pool.submit(cells)
    while pool.busy:
        ended |= {cell.name: code for cell, code in pool.wait(0.05)}
        assert len(pool._running) <= pool.workers
    return ended


def begun(cell):
    return [path for path in cell.runs.glob(f"{cell.name}.*") if path.suffix != ".stopped"]


def test_every_fit_runs_once_and_says_how_it_ended(cell):
    cells = [cell(name) for name in ("a", "b", "fail", "c")]
    assert results(Pool(2), cells) == {"a": 0, "b": 0, "fail": 3, "c": 0}
    assert [len(begun(one)) for one in cells] == [1, 1, 1, 1]


def test_a_killed_process_is_begun_again(cell):
    assert results(Pool(1), [cell("once"), cell("a")]) == {"once": 0, "a": 0}
    assert len(begun(cell("once"))) == 2


def test_but_not_for_ever(cell):
    assert results(Pool(2), [cell("die"), cell("a")]) == {"die": 128 + signal.SIGKILL, "a": 0}
    assert len(begun(cell("die"))) == 1 + RETRIES


def test_cores_are_divided(cell, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr("xinc_lightning.studies.fleet.pool.cores", lambda: 8)
    results(Pool(3), [cell("a")])
    assert json.loads(begun(cell("a"))[0].read_text())["threads"] == "2"


def test_threads_that_are_asked_for_are_kept(cell):
    results(Pool(3), [cell("a")])
    assert json.loads(begun(cell("a"))[0].read_text())["threads"] == "3"


def wait_for(condition):
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_stopping_lets_running_fits_end_and_begins_no_more(cell):
    pool = Pool(2)
    pool.submit([cell(name) for name in ("sleep_1", "sleep_2", "later")])
    wait_for(lambda: not pool.wait(0) and begun(cell("sleep_1")) and begun(cell("sleep_2")))
    time.sleep(0.1)  # until their handlers are there
    pool.stop()
    ended = {}
    while pool.busy:
        ended |= {cell.name: code for cell, code in pool.wait(0.05)}
    assert ended == {"sleep_1": 143, "sleep_2": 143}
    assert not begun(cell("later"))


def test_stopping_at_once_and_closing_kill(cell):
    pool = Pool(1)
    pool.submit([cell("sleep_1"), cell("later")])
    wait_for(lambda: not pool.wait(0) and begun(cell("sleep_1")))
    process = int(Path(begun(cell("sleep_1"))[0]).suffix[1:])
    pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert not [*cell("a").runs.glob("*.stopped")]
