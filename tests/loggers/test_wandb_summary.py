"""A summary of runs as a run of W&B, against a server on this machine."""

import json
from pathlib import Path

import pytest

from xinc_lightning.cli.main import main
from xinc_lightning.figures import Figure, figure_file
from xinc_lightning.loggers.wandb_session import csv_table
from xinc_lightning.loggers.wandb_summary import log_summary


@pytest.fixture
def summary(tmp_path, monkeypatch):
    """A folder as ``xinc summary`` leaves it."""
    monkeypatch.chdir(tmp_path)
    folder = Path("across")
    folder.mkdir()
    (folder / "findings.csv").write_text("finding,mean,verdict\nedges,0.5,holds\nintensity,,undecided\n")
    (folder / "findings.png").write_bytes(figure_file(Figure((1, 1)), "png"))
    scalars = {"verdict/edges/NeRV_head": 1.0, "mean/edges/NeRV_head": None}
    record = {"title": "2 runs", "figures": ["findings"], "tables": ["findings"], "scalars": scalars}
    (folder / "summary.json").write_text(json.dumps(record))
    return folder


def check(run):
    assert (run.said["groupName"], run.said["jobType"], run.said["displayName"]) == (
        *("fleet", "summary", "across"),
    )
    (row,) = run.rows
    assert row["verdict/edges/NeRV_head"] == 1
    assert "mean/edges/NeRV_head" not in row
    assert row["findings/figure"]["path"] in run.files
    table = json.loads(run.files[row["findings/table"]["path"]])
    assert table["columns"] == ["finding", "mean", "verdict"]
    assert table["data"] == [["edges", 0.5, "holds"], ["intensity", None, "undecided"]]
    assert run.config["clips"] == ["bunny"]
    assert run.exit_code == 0


def test_tables_figures_and_verdicts_are_one_run(server, summary):
    where = log_summary(summary, {"group": "fleet"}, {"clips": ["bunny"]})
    assert where.startswith(server.url)
    check(server.run())


def test_offline_it_is_sent_later(server, summary, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert log_summary(summary, {"group": "fleet"}, {"clips": ["bunny"]}) == "xinc sync across"
    assert not server.runs
    monkeypatch.delenv("WANDB_MODE")
    for _ in range(2):  # the second time there is nothing to send
        main(["sync", "across"])
    check(server.run())


def test_a_table_of_no_rows_has_its_columns(tmp_path):
    (tmp_path / "pairs.csv").write_text("first,second\n")
    table = csv_table(tmp_path / "pairs.csv")
    assert (table.columns, table.data) == (["first", "second"], [])
