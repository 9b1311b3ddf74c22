"""The served page beside a real ``lightning fit``, whose server starts again, and which is killed and resumed."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from xinc_lightning.runs.checkpoint_file import read_checkpoint
from xinc_lightning.runs.layout import WEIGHTS, snapshot_name
from xinc_lightning.server.networks import load_network

ROOT = Path(__file__).parent.parent.parent
ENDLESS = 100_000

pytestmark = pytest.mark.xdist_group("browser")  # one browser for all of its tests


@pytest.fixture
def training(tmp_path):
    """A ``lightning fit`` in a process of its own while the block runs."""

    @contextmanager
    def train(*args):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        command = [sys.executable, "-m", "xinc_lightning", "fit", *map(str, args)]
        with (tmp_path / "fit.log").open("a") as log:
            process = subprocess.Popen(command, env=env, cwd=tmp_path, stdout=log, stderr=log)
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    return train


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, "the training has ended"
        time.sleep(0.05)


def test_a_training_is_followed_through_restarts_and_a_kill(
    chromium, serve, watched_config, training, tmp_path
):
    config = watched_config("NeRVModule", "beside", ("PixelsToNeurons",), max_epochs=ENDLESS)
    run = tmp_path / "runs" / "beside-001"
    chromium.open("about:blank")
    with training("--config", config) as fit:
        wait_for(run / "config.yaml", fit)
        with serve([run]) as (address, _):
            chromium.open(address)
            chromium.until("return EPOCHS.length >= 2")
            chromium.until("return document.querySelectorAll('ol.neurons button.entry').length > 8")
            chromium.until("return RUNS[0].curves['train/psnr'][0].length >= 2")
        chromium.until("return document.getElementById('status').textContent.includes('does not answer')")
        seen = chromium.run("return EPOCHS.length")
        with serve([run], port=int(address.rpartition(":")[2].strip("/"))):
            chromium.until(f"return EPOCHS.length >= {seen + 2}")
            chromium.until("return state.epoch === EPOCHS[EPOCHS.length - 1]")
            assert chromium.run("return document.getElementById('status').textContent") == ""
            chromium.run("change({epoch: EPOCHS[0]})")
            fit.kill()
            fit.wait()
            done = read_checkpoint(run / "checkpoints" / "last.ckpt")["trained_epochs"]
            end = (done // 2 + 4) * 2
            with training("--config", config, "--ckpt_path", "last", "--trainer.max_epochs", end) as fit:
                chromium.until(f"return EPOCHS.includes({end})")
                assert fit.wait(120) == 0, (tmp_path / "fit.log").read_text()
            chromium.until(f"return RUNS[0].curves['train/psnr'][0].includes({end})")
            assert chromium.run("return state.epoch === EPOCHS[0]")
            chromium.run("change({epoch: arguments[0]})", end)
            chromium.point(0.5, 0.5)
            chromium.until(f"return document.querySelector('article h3').textContent.includes('epoch {end}')")
            chromium.until("return document.querySelector('.lists[aria-busy=false]') !== null")
            network = load_network((run / "analyses" / snapshot_name(end) / WEIGHTS).read_bytes())
            for layer in network.canvas(0):
                sizes = layer.maps(range(layer.neurons))[:, 0, 8, 16].abs().double()
                shares = (sizes / sizes.sum()).sort(descending=True).values[:8]
                assert [share for _, share in chromium.listed(layer.name)] == pytest.approx(
                    shares[shares > 0].tolist(), rel=1e-3
                )
    chromium.open("about:blank")
    chromium.errors()
