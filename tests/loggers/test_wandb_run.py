"""Whatever happens to W&B, training finishes, its results are complete, and it is said in one line."""

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from xinc_lightning.callbacks import Sink, WandbRun
from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.cli.main import main
from xinc_lightning.figures.style import new_figure
from xinc_lightning.loggers import EpochResults
from xinc_lightning.loggers.wandb_session import WandbSession

EPOCHS = 3


def kill_service():
    """SIGKILL the wandb-core that this process started."""
    children = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True
    ).stdout
    services = [int(line.split()[0]) for line in children.splitlines() if "wandb-core" in line]
    assert services
    for pid in services:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.3)


def missing(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "wandb", None)


def broken(monkeypatch, folder):
    """Installed, but it does not fit the installed protobuf: what importing it then raises is no ImportError."""
    monkeypatch.syspath_prepend(folder / "broken")
    for name in [name for name in sys.modules if name.split(".")[0] == "wandb"]:
        monkeypatch.delitem(sys.modules, name)
    (folder / "broken").mkdir()
    (folder / "broken" / "wandb.py").write_text('raise TypeError("Descriptors cannot be created directly.")')


def disabled(monkeypatch, folder):
    monkeypatch.setenv("WANDB_MODE", "disabled")


def offline(monkeypatch, folder):
    monkeypatch.setenv("WANDB_MODE", "offline")


def full(monkeypatch, folder):
    mounted(monkeypatch, folder, "size=8k")


def read_only(monkeypatch, folder):
    mounted(monkeypatch, folder, "ro")


def mounted(monkeypatch, folder, options):
    (folder / "files of wandb").mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder / "files of wandb")]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")


def dies(monkeypatch, folder):
    """Its process is killed as soon as it has got the first epoch's row."""
    log, killed = WandbRun.log_metrics, []

    def log_or_kill(self, metrics, step=None):
        log(self, metrics, step)
        if self._session is not None and not killed:
            assert self._session.ready.wait(60), "it starts beside the training, which may be over sooner"
            kill_service()
            killed.append(step)

    monkeypatch.setattr(WandbRun, "log_metrics", log_or_kill)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (offline, None),
        (disabled, None),
        (missing, r"W&B is disabled from here on \(import of wandb halted; None in sys.modules\)"),
        (broken, r"W&B is disabled from here on \(Descriptors cannot be created directly.\)"),
        # wandb's own process may notice it before ours or after, and then says nothing of it.
        (full, r"W&B (is disabled from here on|does not have all of this run) \(.*(No space left| is full)"),
        (read_only, "W&B cannot write to"),
        (dies, "W&B is disabled from here on"),
    ],
)
def test_training_finishes_and_reports_the_failure_once(fault, said, tmp_path, monkeypatch, tiny_clip, capfd):
    monkeypatch.chdir(tmp_path)
    config = shipped_configs()["quick.yaml"].read_text()
    where = "callbacks.WandbRun\n      init_args: {save_dir: files of wandb}"
    Path("quick.yaml").write_text(config.replace("callbacks.WandbRun", where))
    small = ["--data.path", str(tiny_clip), "--data.frames", "0:4", "--data.resize", "[16, 32]"]
    small += ["--model.target_bpp", "600", "--trainer.max_epochs", str(EPOCHS)]
    every = ["--trainer.callbacks+=Reconstructions", "--trainer.callbacks.every_n_epochs=1"]
    with monkeypatch.context() as broken, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fault(broken, tmp_path)
        try:
            main(["fit", "--config", "quick.yaml", *small, *every])
        finally:
            subprocess.run(["umount", "files of wandb"], capture_output=True, check=False)
    about = [str(w.message) for w in caught if "W&B" in str(w.message)]
    assert len(about) == (said is not None), about
    assert not said or re.match(said, about[0])
    errors = capfd.readouterr().err
    assert "Traceback" not in errors
    assert "wandb:" not in errors

    run = Path("runs/quick-001")
    assert json.loads((run / "report.json").read_text())["psnr"] > 3
    rows = [*csv.DictReader((run / "metrics.csv").open())]
    assert len([row for row in rows if row["train/psnr"]]) == EPOCHS
    for epoch in range(1, EPOCHS + 1):
        assert [*(run / "analyses" / f"epoch={epoch:04d}").glob("reconstructions*.png")]
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert (run / "config.yaml").is_file()


@pytest.fixture
def quietly_offline(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    return WandbRun(save_dir=str(tmp_path / "wb"))


def test_a_run_after_one_whose_process_died_is_logged_again(quietly_offline, tmp_path):
    quietly_offline.experiment.log({"by": "a module of the user's"})
    kill_service()
    with pytest.warns(  # noqa: PT031
        UserWarning, match="disabled from here on.*`xinc sync .*` sends them later"
    ):
        for epoch in range(100):
            quietly_offline.log_metrics({"a": 2.0, "epoch": epoch}, epoch)
            time.sleep(0.02)
    assert quietly_offline.where().startswith("disabled: ")
    quietly_offline.experiment.log({"by": "a module of the user's"})
    quietly_offline.close()
    following = WandbRun(save_dir=str(tmp_path / "next"))
    following.log_metrics({"a": 3.0}, 0)
    following.close()
    assert following.failure is None


def test_full_disk_under_a_picture(quietly_offline, tmp_path, monkeypatch):
    import wandb

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(wandb, "Image", full)
    sink = Sink(tmp_path / "a", [quietly_offline], 1, 1)
    sink.figure("p", new_figure(1, 1, ""))
    sink.scalars("a", {"b": 1.0})
    sink.__exit__(None, None, None)
    with pytest.warns(UserWarning, match="No space left") as said:  # noqa: PT031
        quietly_offline.log_results(EpochResults(2, 2, pictures={"a": tmp_path / "a.png"}))
        quietly_offline.close()
    assert len(said) == 1
    assert (tmp_path / "a" / "scalars.json").is_file()


def test_not_finite_values_are_null_in_json_and_absent_from_wandb(tmp_path, monkeypatch):
    sent = []
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setattr(WandbSession, "log", lambda self, row, neurons: sent.append(row.scalars))
    logger = WandbRun(save_dir=str(tmp_path / "wb"))
    with Sink(tmp_path / "a", [logger], 7, 70) as sink:
        sink.scalars("x", {"inf": float("inf"), "nan": float("nan"), "one": 1.0})
    text = (tmp_path / "a" / "scalars.json").read_text()
    read = json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    assert read["scalars"] == {"x/inf": None, "x/nan": None, "x/one": 1.0}
    logger.log_metrics({"loss": float("nan"), "psnr": 3.0, "epoch": 8}, 80)
    logger.close()
    assert sent == [
        {"x/one": 1.0, "epoch": 7, "trainer/global_step": 70},
        {"psnr": 3.0, "epoch": 8, "trainer/global_step": 80},
    ]


@pytest.mark.parametrize(("mode", "lines"), [("offline", 1), ("disabled", 0)])
def test_waiting_for_uploads_is_said_unless_there_are_none(mode, lines, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WANDB_MODE", mode)
    monkeypatch.setattr("xinc_lightning.loggers.wandb_run.SILENCE", 0.0)
    run = WandbRun(save_dir=str(tmp_path / "wb"))
    run.log_metrics({"a": 2.0, "epoch": 1}, 1)
    run.close()
    assert capsys.readouterr().out.count("waiting up to") == lines
