"""The CSV file of a run: one row a call, whole after any interruption, continued by a resumed run."""

import csv
import resource
import signal
from pathlib import Path

import pytest

from xinc_lightning.callbacks import MetricsFile


def rows(path):
    with Path(path).open() as file:
        return [*csv.DictReader(file)]


def log(folder, epochs, resumed=None, more=()):
    logger = MetricsFile(str(folder))
    if resumed is not None:
        logger.begin("fit", folder, resumed, {})
    for epoch in epochs:
        logger.log_metrics({"epoch": float(epoch), "train/psnr": 20.5 + epoch}, step=epoch)
        logger.save()
        for name in more:
            logger.log_metrics({"epoch": epoch, name: 1.0}, step=epoch)
    logger.finalize("success")


def test_epochs_are_whole_numbers(tmp_path):
    log(tmp_path, [1, 2])
    assert rows(tmp_path / "metrics.csv") == [
        {"epoch": "1", "step": "1", "train/psnr": "21.5"},
        {"epoch": "2", "step": "2", "train/psnr": "22.5"},
    ]


def test_resumed_run_continues_the_same_file(tmp_path):
    log(tmp_path / "whole", range(1, 7), more=["a"])
    log(tmp_path / "parts", range(1, 4), more=["a"])
    log(tmp_path / "parts", range(4, 7), resumed=3, more=["a"])
    assert rows(tmp_path / "parts" / "metrics.csv") == rows(tmp_path / "whole" / "metrics.csv")
    assert not [*(tmp_path / "parts").glob("*part*")]


def test_rows_past_the_checkpoint_are_moved_to_another_file(tmp_path):
    log(tmp_path / "whole", range(1, 5))
    log(tmp_path / "parts", range(1, 4), more=["late"])
    log(tmp_path / "parts", [3, 4], resumed=2)
    kept = rows(tmp_path / "parts" / "metrics.csv")
    assert [row["train/psnr"] for row in kept if row["train/psnr"]] == ["21.5", "22.5", "23.5", "24.5"]
    assert rows(tmp_path / "parts" / "metrics-part1.csv")[-2]["epoch"] == "3"


def test_row_that_was_cut_off_is_dropped(tmp_path):
    log(tmp_path, [1, 2])
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("3,3")
    log(tmp_path, [3], resumed=2)
    assert [row["epoch"] for row in rows(tmp_path / "metrics.csv")] == ["1", "2", "3"]
    assert rows(tmp_path / "metrics.csv")[-1]["train/psnr"] == "23.5"


def test_a_full_disk_cuts_no_row(tmp_path):
    """A limit on the size of files stands for the disk: within the row of epoch 3, within a number."""
    log(tmp_path, [1, 2])
    before = (tmp_path / "metrics.csv").read_bytes()
    logger = MetricsFile(str(tmp_path))
    logger.begin("fit", tmp_path, 2, {})
    logger.log_metrics({"epoch": 3.0, "train/psnr": 23.5}, step=3)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 6, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            logger.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "metrics.csv").read_bytes() == before
    logger.save()
    assert [row["train/psnr"] for row in rows(tmp_path / "metrics.csv")] == ["21.5", "22.5", "23.5"]


def test_file_of_another_run_is_renamed(tmp_path):
    log(tmp_path, [1])
    log(tmp_path, [1, 2])
    assert len(rows(tmp_path / "metrics-part1.csv")) == 1
    assert len(rows(tmp_path / "metrics.csv")) == 2


def test_new_columns_keep_the_old_rows(tmp_path, monkeypatch):
    log(tmp_path, [1, 2])
    logger = MetricsFile(str(tmp_path))
    logger.begin("fit", tmp_path, 2, {})
    logger.log_metrics({"epoch": 3, "new": 1.0}, step=3)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("killed")))
    before = (tmp_path / "metrics.csv").read_text()
    try:
        logger.save()
    except OSError:
        assert (tmp_path / "metrics.csv").read_text() == before
    else:
        raise AssertionError("the file was not replaced, but rewritten in place")
