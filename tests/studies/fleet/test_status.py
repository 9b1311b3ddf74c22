"""How far a fit is, from its log."""

import json

from xinc_lightning.studies.fleet.status import Status

BEGIN = "--- node7, process 12, 2026-01-02 03:04:05\n"


def test_a_log_tells_host_epoch_and_psnr(cell, write_log):
    status = Status(cell("a"))
    path = cell("a").runs / "logs" / "a.log"
    status.read_log(path, 0)
    assert status.state == "waiting"
    write_log(cell("a"), BEGIN)
    status.read_log(path, 0)
    assert (status.state, status.host, status.epochs, status.psnr) == ("running", "node7", 0, None)
    write_log(cell("a"), "NeRV: ...\nepoch 3/30  20.15 dB\n")
    status.read_log(path, 0)
    assert (status.epoch, status.epochs, status.psnr) == (3, 30, 20.15)


def test_remaining_time_follows_the_epochs_since_it_began(cell, write_log, monkeypatch):
    now = 100.0
    monkeypatch.setattr("xinc_lightning.studies.fleet.status.time.monotonic", lambda: now)
    status = Status(cell("a"))
    path = write_log(cell("a"), BEGIN + "epoch 10/30  20.15 dB\n")
    status.read_log(path, 0)
    assert status.remaining is None, "it may have been resumed there"
    now = 110.0
    write_log(cell("a"), "epoch 15/30  22.15 dB\n")
    status.read_log(path, 0)
    assert status.remaining == 30.0, "5 epochs in 10 s, 15 epochs are left"


def test_what_an_earlier_fleet_has_logged_does_not_count(cell, write_log):
    path = write_log(cell("a"), BEGIN + "epoch 10/30  20.15 dB\n")
    before = path.stat().st_size
    status = Status(cell("a"))
    status.read_log(path, before)
    assert status.state == "waiting"
    write_log(cell("a"), BEGIN.replace("node7", "node8"))
    status.read_log(path, before)
    assert (status.state, status.host, status.epoch) == ("running", "node8", 0)


def test_ends(cell, write_log):
    run = cell("a").runs / "a-001"
    run.mkdir()
    (run / "report.json").write_text(json.dumps({"psnr": 31.5}))
    path = write_log(cell("a"), BEGIN + "epoch 29/30  20.15 dB\n")
    status = Status(cell("a"))
    status.read_log(path, 0)
    status.end(0, path, run)
    assert (status.state, status.epoch, status.psnr) == ("done", 30, 31.5)
    for code, state in ((130, "stopped"), (143, "stopped"), (2, "failed"), (137, "failed")):
        status.end(code, path, run)
        assert status.state == state


def reason_of(cell, code, path):
    status = Status(cell)
    status.end(code, path, None)
    return status.reason


def test_reasons_are_one_line_of_the_last_attempt(cell, write_log):
    one = cell("a")
    path = write_log(one, BEGIN + "xinc: error: the first\n" + BEGIN)
    assert reason_of(one, 1, path) == "it ended with exit code 1"
    write_log(one, "Traceback (most recent call last):\n  File\nKeyError: 'x'\n\n")
    assert reason_of(one, 1, path) == "KeyError: 'x'"
    write_log(one, "xinc: error: training diverged.\nmore\n")
    assert reason_of(one, 1, path) == "training diverged."
    write_log(one, BEGIN + "epoch 1/2  3.00 dB\n")
    assert "killed by signal 9" in reason_of(one, 137, path)
    assert "exit code 1" in reason_of(cell("never"), 1, one.runs / "nothing.log")
