"""Two processes do what one does: through the command line, with all analyses."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parent.parent
TWO = ("--trainer.devices", "2", "--trainer.strategy", "ddp")


def numbers(run: Path, name: str) -> list[float]:
    """A column of a run's metrics."""
    with (run / "metrics.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


def files(run: Path) -> set[str]:
    return {str(path.relative_to(run)) for path in run.rglob("*") if path.suffix != ".ckpt"}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("NeRVModule", {"analyses": ["ContributionVsIntensity"]}),
        pytest.param("NeRVModule", {}, marks=pytest.mark.slow),
        pytest.param("FFNModule", {"batch_size": None}, marks=pytest.mark.slow),
        pytest.param("FFNModule", {}, marks=pytest.mark.slow),
        pytest.param("SIRENModule", {}, marks=pytest.mark.slow),
        pytest.param("HNeRVModule", {}, marks=pytest.mark.slow),
    ],
)
def test_two_processes_train_the_same_network_and_write_one_set_of_files(
    model, options, watched_config, xinc, tmp_path
):
    outputs = {}
    for name, devices in (("one", ()), ("two", TWO)):
        done = xinc("fit", "--config", watched_config(model, name, **options), *devices)
        assert done.returncode == 0, done.stderr
        outputs[name] = done.stdout
    one, two = (tmp_path / "runs" / f"{name}-001" for name in ("one", "two"))
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"one-001", "two-001"}
    assert files(one) == files(two)
    assert outputs["two"].count("8-bit size") == 1
    for name in ("epoch 1/3", "epoch 3/3"):
        assert outputs["two"].count(name) == outputs["one"].count(name)

    for metric in ("train/psnr", "val/psnr", "final/psnr"):
        assert numbers(two, metric) == pytest.approx(numbers(one, metric), abs=2e-3), metric
    weights = [
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for run in (one, two)
    ]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-4, msg=name)
    for epoch in ("epoch=0002", "epoch=0003"):
        alone, shared = (run / "analyses" / epoch for run in (one, two))
        scalars = [json.loads((f / "scalars.json").read_text())["scalars"] for f in (alone, shared)]
        assert scalars[0].keys() == scalars[1].keys()
        assert not json.loads((shared / "settings.json").read_text()).get("errors")
        layers = sorted((alone / "intensity").glob("*.npz"))
        assert layers
        for path in layers:
            found, expected = (np.load(f / "intensity" / path.name)["contribution"] for f in (shared, alone))
            np.testing.assert_allclose(found, expected, atol=5e-3)


LOST = """
import os
import signal
import sys
import time

import torch
from lightning.pytorch import Callback

from xinc_lightning.callbacks import AnalysisCallback
from xinc_lightning.cli import main, processes

processes.FROZEN, processes.GRACE = 3.0, 3.0


class Training(Callback):
    signum = signal.SIGKILL

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if trainer.current_epoch == 1 and trainer.global_rank == 1:
            os.kill(os.getpid(), self.signum)


class Frozen(Training):
    signum = signal.SIGSTOP


class Analysis(AnalysisCallback):
    def needs(self, clip):
        if torch.distributed.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().needs(clip)

    def analyse(self, context, sink):
        context.statistics("head", 0)


class Alone(AnalysisCallback):
    def needs(self, clip):
        self.rank = torch.distributed.get_rank()
        if self.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().needs(clip)

    def analyse(self, context, sink):
        time.sleep(600)


if __name__ == "__main__":
    main.main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Training", "process 1 died (SIGKILL)"),
        pytest.param("Frozen", "process 1 was frozen for more than 3 s", marks=pytest.mark.slow),
        pytest.param("Analysis", "process 1 died (SIGKILL)", marks=pytest.mark.slow),
        pytest.param("Alone", "process 1 died (SIGKILL)", marks=pytest.mark.slow),
    ],
)
def test_a_lost_process_stops_the_run_with_one_line(kind, reason, watched_config, tmp_path, monkeypatch):
    """Killed or frozen in training, killed in an analysis that both do, killed while the first works alone."""
    (tmp_path / "lost.py").write_text(LOST)
    more = ["--trainer.callbacks.epochs=[2]"] if kind in ("Analysis", "Alone") else []
    config = watched_config("NeRVModule", "losing", analyses=["Reconstructions"])
    command = [sys.executable, "lost.py", "fit", "--config", config, *TWO]
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = subprocess.run(
        [*command, f"--trainer.callbacks+=lost.{kind}", *more],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "process 0" in line]
    assert line.startswith(f"xinc: error: process 0 of this run stops because {reason}")
    assert "To resume after epoch 1" in line
    assert "Traceback" not in done.stderr, done.stderr
    assert "failed at epoch" not in done.stderr, done.stderr
    assert (tmp_path / "runs" / "losing-001" / "checkpoints" / "last.ckpt").is_file()


LATE = """
import time
from lightning.pytorch import Callback

class Late(Callback):
    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if trainer.current_epoch == 1 and trainer.global_rank == 1:
            time.sleep(600)
"""


@pytest.mark.slow
def test_a_process_that_does_not_answer_is_waited_for_as_long_as_the_timeout(watched_config, xinc, tmp_path):
    (tmp_path / "late.py").write_text(LATE)
    strategy = {
        "class_path": "lightning.pytorch.strategies.DDPStrategy",
        "init_args": {"timeout": "0:00:08", "find_unused_parameters": False},
    }
    config = watched_config("NeRVModule", "late", analyses=[], strategy=strategy, devices=2)
    done = xinc("fit", "--config", config, "--trainer.callbacks+=late.Late", timeout=120)
    assert done.returncode == 1, done.stderr
    assert "process 0 of this run stops because another process has not answered for 8 s" in done.stderr
    assert "Traceback" not in done.stderr, done.stderr


FAILS = """
from xinc_lightning.callbacks import AnalysisCallback

class Fails(AnalysisCallback):
    def analyse(self, context, sink):
        context.statistics("head", 0)
        raise KeyError("nothing")

class FailsEarly(AnalysisCallback):
    def needs(self, clip):
        raise KeyError("nothing")

    def analyse(self, context, sink):
        raise AssertionError("it was told that it could not")
"""


@pytest.mark.parametrize("kind", ["Fails", pytest.param("FailsEarly", marks=pytest.mark.slow)])
def test_strict_failure_stops_all_processes_after_other_results_are_saved(
    kind, watched_config, xinc, tmp_path
):
    (tmp_path / "fails.py").write_text(FAILS)
    config = watched_config("NeRVModule", "strict", analyses=["ContributionVsIntensity"])
    options = [f"--trainer.callbacks+=fails.{kind}", "--trainer.callbacks.epochs=[2]"]
    done = xinc("fit", "--config", config, *TWO, *options, "--trainer.callbacks.strict=true", timeout=300)
    assert done.returncode == 1
    assert f"xinc: error: {kind} failed at epoch 2: KeyError: 'nothing'." in done.stderr
    assert 'fails.py", line' in done.stderr, "a bug shows its place"
    snapshot = tmp_path / "runs" / "strict-001" / "analyses" / "epoch=0002"
    settings = json.loads((snapshot / "settings.json").read_text())
    assert set(settings["errors"]) == {kind}
    assert [*(snapshot / "intensity").glob("*.npz")]
    assert not (snapshot.parent / "epoch=0003").exists()


@pytest.mark.slow  # tests/data/test_datamodule.py has the rule itself
def test_batch_size_that_does_not_divide_is_rejected(watched_config, xinc):
    config = watched_config("NeRVModule", "odd", analyses=[], batch_size=3)
    done = xinc("fit", "--config", config, *TWO)
    assert done.returncode == 1
    assert "data.batch_size is 3, which 2 processes cannot share equally" in done.stderr
