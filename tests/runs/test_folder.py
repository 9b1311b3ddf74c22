"""Run folders are never shared, and never left behind empty."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xinc_lightning.errors import UserError
from xinc_lightning.runs.folder import discard, lock, new_run, newest_checkpoint, unlock

ROOT = Path(__file__).parents[2]


def test_runs_that_start_at_once_get_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(16) as threads:
        runs = [*threads.map(lambda _: new_run(tmp_path / "runs", "same"), range(64))]
    assert sorted(run.name for run in runs) == [f"same-{n:03d}" for n in range(1, 65)]


def test_processes_that_start_at_once_get_folders_of_their_own(tmp_path):
    script = "from pathlib import Path; from xinc_lightning.runs.folder import new_run\n"
    script += "for _ in range(30): print(new_run(Path('runs'), 'same'))"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {script}"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) for _ in range(3)]
    runs = [line for process in processes for line in process.communicate()[0].splitlines()]
    assert len(runs) == len(set(runs)) == 90


@pytest.mark.parametrize("name", ["exp/a", "../a", "..", "", "a\\b", "a\0"])
def test_a_name_leads_nowhere_else(tmp_path, name):
    (tmp_path / "runs").mkdir()
    with pytest.raises(UserError, match=r"a run's place is set by --trainer\.default_root_dir"):
        new_run(tmp_path / "runs", name)
    assert [path.name for path in tmp_path.rglob("*")] == ["runs"]


@pytest.mark.parametrize("name", ["bear [old]", "a*b", "?"])
def test_the_last_checkpoint_is_that_of_the_name_as_it_is(tmp_path, name):
    (tmp_path / "bear o-001" / "checkpoints").mkdir(parents=True)
    (tmp_path / "bear o-001" / "checkpoints" / "last.ckpt").touch()
    run = new_run(tmp_path, name)
    with pytest.raises(UserError, match="has a last checkpoint"):
        newest_checkpoint(tmp_path, name, "last")
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "last.ckpt").touch()
    assert newest_checkpoint(tmp_path, name, "last") == run / "checkpoints" / "last.ckpt"


def test_failed_command_leaves_no_folder(tmp_path):
    run = new_run(tmp_path / "runs", "mine")
    lock(run)
    unlock()
    discard(run)
    assert not (tmp_path / "runs").exists()


def test_results_are_never_discarded(tmp_path):
    first, second = (new_run(tmp_path / "runs", "mine") for _ in range(2))
    (first / "config.yaml").write_text("")
    discard(first)
    discard(second)
    assert [*(tmp_path / "runs").rglob("*")] == [first, first / "config.yaml"]


def test_unwritable_root_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ValueError, match=r"default_root_dir: no run folder can be created in '.*file/runs': Not a directory"
    ):
        new_run(tmp_path / "file" / "runs", "mine")
    with pytest.raises(ValueError, match=r"File name too long"):
        new_run(tmp_path / ("x" * 300), "mine")


@pytest.mark.parametrize(
    "name", ["metrics.csv", ".lock", "hparams.yaml", "analyses", "checkpoints", "evolution"]
)
def test_a_run_with_links_that_lead_out_is_not_written_to(tmp_path, name):
    run, ours = tmp_path / "run-001", tmp_path / "ours"
    run.mkdir()
    ours.write_text("kept")
    (run / name).symlink_to(ours)
    with pytest.raises(UserError, match=f"'.*{name}' is a link that leads out of the run"):
        lock(run)
    assert ours.read_text() == "kept"


def test_a_run_with_a_fifo_is_not_written_to(tmp_path):
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(UserError, match="neither a file nor a folder"):
        lock(tmp_path)


def test_links_within_a_run_and_wandbs_own_are_no_harm(tmp_path):
    (tmp_path / "run" / "wandb" / "logs").mkdir(parents=True)
    (tmp_path / "run" / "wandb" / "logs" / "core.log").symlink_to("/tmp/elsewhere.log")
    (tmp_path / "run" / "latest").symlink_to("wandb")
    (tmp_path / "linked").symlink_to("run")
    lock(tmp_path / "linked")
    unlock()
