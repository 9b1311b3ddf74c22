"""A W&B server for the tests here, and what a run has to leave behind for `xinc sync`."""

import csv
import importlib.util
import sys
from pathlib import Path

import pytest


def _fake_wandb():
    """The server's module, which is no part of a package."""
    path = Path(__file__).with_name("fake_wandb.py")
    spec = importlib.util.spec_from_file_location("fake_wandb", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fake_wandb"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server to which wandb logs."""
    import wandb

    wandb.teardown()  # it reads its environment once
    with _fake_wandb().FakeServer() as fake:
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        yield fake
        fake.fault = "drop"
        wandb.teardown()


@pytest.fixture
def metrics_file(tmp_path):
    """Write a run's metrics.csv as its MetricsFile would have after these epochs; returns the run's folder."""

    def write(epochs) -> Path:
        run = tmp_path / "run"
        run.mkdir(exist_ok=True)
        with (run / "metrics.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", "step", "train/psnr", "val/psnr"])
            for epoch in epochs:
                writer.writerow([epoch, 2 * epoch, 20.0 + epoch, ""])
                writer.writerow([epoch, 2 * epoch, "", 30.0 - abs(epoch - 3)])
        return run

    return write
