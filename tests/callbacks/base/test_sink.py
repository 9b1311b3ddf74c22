"""Results reach the run folder and W&B; the W&B run is read back from its offline file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from xinc_lightning.callbacks import Sink, WandbRun
from xinc_lightning.cli.main import main
from xinc_lightning.figures.style import new_figure

ROOT = Path(__file__).parents[3]


def records(run: Path) -> list[dict]:
    """Everything that an offline run, given by its run folder or its own, would upload."""
    (offline,) = (run / "wandb").glob("offline-run-*") if (run / "wandb").exists() else [run]
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(offline)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def history(run: Path) -> list[dict]:
    """What was logged, a row for each call."""
    return [record["history"]["item"] for record in records(run) if "history" in record]


def in_short(run: Path) -> dict:
    """The keys by which runs are filtered, as they are after all updates."""
    config: dict = {}
    for record in records(run):
        config |= record.get("config", {}).get("update", {})
    return {key: config[key] for key in ("video", "architecture", "bpp", "parameters", "seed")}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A finished quick run."""
    monkeypatch.chdir(tmp_path)
    small = ["--data.resize", "[32, 64]", "--data.frames", "0:4", "--trainer.max_epochs", "4"]
    added = ["ContributionMaps", "every_n_epochs=2", "layers=[block3]"]
    flags = [f"--trainer.callbacks{sign}{value}" for sign, value in zip(("+=", ".", "."), added, strict=True)]
    main(["fit", "--config", "quick.yaml", *small, *flags])
    return Path("runs/quick-001")


@pytest.mark.drawn
def test_offline_run_has_scalars_config_and_figures(run):
    rows = history(run)
    keys = {key for row in rows for key in row}
    assert {"train/psnr", "final/psnr", "final/coded_bpp", "maps/head/completeness_error"} <= keys
    psnr = [row["train/psnr"] for row in rows if "train/psnr" in row]
    assert [row["_step"] for row in rows] == [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert len(psnr) == 4
    assert all("trainer/global_step" in row for row in rows)

    config = json.dumps(
        [r["config"] for r in records(run) if "config" in r] + [r["run"] for r in records(run) if "run" in r]
    )
    for part in ("target_bpp", "seed_everything", "bunny", "NeRVModule", "max_epochs"):
        assert part in config

    report = json.loads((run / "report.json").read_text())
    assert in_short(run) == {
        "video": "bunny",
        "architecture": "NeRV",
        "bpp": pytest.approx(report["bpp"], abs=0.005),
        "parameters": report["parameters"],
        "seed": 42,
    }

    media = [row for row in rows if any("/block3" in key and key.endswith(".path") for key in row)]
    assert [row["epoch"] for row in media] == [2, 4]
    second = "layers=block3"  # tells apart the second callback of the class
    pictures = {key.removesuffix(".path") for key in media[-1] if key.endswith(".path")} - {"neurons/table"}
    assert pictures == {
        "reconstructions/figure",
        "maps/head",
        f"maps-{second}/block3",
        f"strips-{second}/block3",
    }, "all media in one row"
    assert "neurons/table._type" in media[-1]
    assert "neurons/table._type" not in media[0]
    assert "epoch 4, step 8" in json.dumps(media[-1])
    (offline,) = (run / "wandb").glob("offline-run-*")
    saved = [*(offline / "files" / "media").rglob("*.png")]
    assert len(saved) == 5
    for path in saved:
        picture = cv2.imread(str(path))
        assert picture.mean() > 60, "a black picture"
        assert picture.std() > 10, "an empty picture"


def test_a_second_run_of_a_process_is_written_where_it_says(tmp_path, monkeypatch):
    """wandb's own process stays in the folder in which the first run started it."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        logger = WandbRun(save_dir="run")
        logger.begin("fit", Path("run"), 0, {})
        logger.log_metrics({"a": 1.0}, 0)
        assert logger.where() == "xinc sync run"
        logger.close()
        assert len([*(tmp_path / name).rglob("run-*.wandb")]) == 1


def test_resumed_run_keeps_its_id(run):
    """Also offline; `xinc sync` sends all rows from the run's folder."""
    small = ["--data.resize", "[32, 64]", "--data.frames", "0:4", "--trainer.max_epochs", "6"]
    main(["fit", "--config", "quick.yaml", *small, "--ckpt_path", "last"])
    parts = sorted((run / "wandb").glob("offline-run-*"))
    assert len(parts) == 2
    assert len({part.name.rpartition("-")[2] for part in parts}) == 1, "one id"
    assert [[row["_step"] for row in history(part)] for part in parts] == [[1, 2, 3, 4], [5, 6]]


@pytest.mark.drawn
def test_folder_is_written_completely_or_not_at_all(tmp_path):
    folder = tmp_path / "analyses" / "epoch=0001"

    def fail_within():
        with Sink(folder, [], 1, 10) as sink:
            sink.scalars("a", {"b": 1.0})
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        fail_within()
    assert not folder.exists()
    with Sink(folder, [], 1, 10) as sink:
        sink.figure("x/picture", new_figure(2, 1, "title"))
        sink.arrays("x/picture", values=np.arange(3))
        sink.scalars("a", {"b": 1.0})
    assert json.loads((folder / "scalars.json").read_text()) == {
        "epoch": 1,
        "global_step": 10,
        "scalars": {"a/b": 1.0},
    }
    assert np.load(folder / "x" / "picture.npz")["values"].tolist() == [0, 1, 2]
    assert cv2.imread(str(folder / "x" / "picture.png")).shape == (100, 200, 3)
    assert [p.name for p in folder.parent.iterdir()] == ["epoch=0001"]


def test_columns_of_two_analyses_of_a_class_are_separate(tmp_path):
    with Sink(tmp_path / "epoch=0001", [], 1, 10) as sink:
        with sink.analysis("GroupingVariance"):
            sink.about_neurons("head", [3], variance_grid=[0.5])
        with sink.analysis("GroupingVariance grid=2x4", "grid=2x4"):
            sink.about_neurons("head", [3], variance_grid=[0.25])
    written = (tmp_path / "epoch=0001" / "neurons.csv").read_text().splitlines()
    assert written == ["layer,neuron,variance_grid,variance_grid-grid=2x4", "head,3,0.5,0.25"]


def test_mode_is_what_the_environment_says(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    logger = WandbRun(save_dir=str(tmp_path))
    assert logger.where() == "disabled"
    assert "API key" not in capsys.readouterr().out


def test_run_is_online_with_a_key_and_offline_without_a_server(tmp_path):
    """In a process of its own: wandb reads its environment once."""
    script = """
from xinc_lightning.callbacks import WandbRun
logger = WandbRun(init_timeout=2, finish_timeout=60)
assert logger.experiment.offline
logger.log_metrics({"a": 1.0}, 0)
print(logger.where())
logger.close()
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "WANDB_API_KEY": "0" * 40}
    env["WANDB_BASE_URL"] = "http://127.0.0.1:9"
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.startswith("xinc sync ")
    assert "W&B is not available" in done.stderr
    assert done.stderr.count("logged offline instead") == 1
