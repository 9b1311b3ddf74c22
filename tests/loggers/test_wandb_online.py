"""Online, against a W&B server on this machine: every row arrives once, whatever happens, and nobody waits long."""

import json
import os
import signal
import subprocess
import time
import warnings
from pathlib import Path

import pytest

from xinc_lightning.callbacks import WandbRun
from xinc_lightning.cli.main import main

SMALL = [
    *("--data.resize", "[16, 32]", "--data.frames", "0:4", "--model.target_bpp", "600"),
    *("--trainer.max_epochs", "3", "--trainer.check_val_every_n_epoch", "1"),
]


def log(logger, epochs):
    """What Lightning and the callbacks would log."""
    for epoch in epochs:
        logger.log_metrics({"epoch": float(epoch), "train/psnr": 20.0 + epoch}, 2 * epoch)
        logger.log_metrics({"epoch": epoch, "val/psnr": 30.0 - abs(epoch - 3)}, 2 * epoch)


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)


def core():
    """The wandb-core that this process started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True
    ).stdout
    (pid,) = [
        int(line.split()[0]) for line in listed.splitlines() if "wandb-core" in line and "defunct" not in line
    ]
    return pid


def test_fit_test_and_predict_read_as_their_users_expect(server, tmp_path):
    main(["fit", "--config", "quick.yaml", *SMALL, "--trainer.logger.project=mine"])
    fit = server.run()
    report = json.loads(Path("runs/quick-001/report.json").read_text())
    assert [row["_step"] for row in fit.rows] == [row["epoch"] for row in fit.rows] == [1, 2, 3]
    assert fit.project == "mine"
    last = fit.rows[-1]
    assert last["val/psnr"] == pytest.approx(report["psnr"], abs=1e-4)
    assert {"train/loss", "train/learning_rate", "maps/head/completeness_error", "final/psnr"} <= last.keys()
    assert not {"bpp", "parameters"} & last.keys()
    assert last["maps/head"]["_type"] == "image-file"
    assert last["maps/head"]["path"] in fit.files
    assert not [key for row in fit.rows for key in row if key.startswith("xinc")]
    best = max(fit.rows, key=lambda row: row["val/psnr"])
    summary = json.loads(fit.summary)
    assert (summary["best/psnr"], summary["best/epoch"]) == (best["val/psnr"], best["epoch"])
    assert fit.exit_code == 0
    assert fit.said["jobType"] == "fit"
    assert fit.said["tags"] == ["NeRV", "bunny"]
    assert {
        "video": "bunny",
        "architecture": "NeRV",
        "frames": 4,
        "height": 16,
        "optimizer": "Adam",
    }.items() <= (fit.config.items())
    assert fit.config["bpp"] == pytest.approx(report["bpp"], abs=0.005)
    assert "null" not in json.dumps(fit.config)
    hidden = [m for m in _metrics(fit) if m.get("6") == [2] or 2 in m.get("6", [])]
    assert hidden, "helper keys are hidden"

    for command in ("test", "predict"):
        main([command, "--config", "quick.yaml", *SMALL, "--ckpt_path", "last"])
    (test,) = [run for run in server.runs.values() if run.id != fit.id]  # predict leaves none
    assert [(row["epoch"], row["trainer/global_step"]) for row in test.rows] == [(3, 6)]
    assert test.said["jobType"] == "test"
    assert test.config["training_run"] == fit.id


def _metrics(run):
    """What the run has defined about its metrics."""
    return json.loads(run.said["config"])["_wandb"]["value"].get("m", [])


@pytest.mark.parametrize("fault", ["401", "drop", "hang", "killed", "frozen"])
def test_what_did_not_arrive_is_said_once_and_sent_later(fault, server, metrics_file, capsys):
    run = metrics_file([1, 2, 3])
    logger = WandbRun(save_dir=str(run), finish_timeout=2)
    logger.begin("fit", run, 0, {})
    log(logger, [1])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        logger.experiment.id  # noqa: B018  (asking starts it)
        {
            "killed": lambda: os.kill(core(), signal.SIGKILL),
            "frozen": lambda: os.kill(core(), signal.SIGSTOP),
        }.get(fault, lambda: setattr(server, "fault", fault))()
        start = time.monotonic()
        log(logger, [2, 3])
        assert time.monotonic() - start < 1, "training waits for W&B"
        logger.close()
    assert time.monotonic() - start < 10
    (said,) = [str(w.message) for w in caught if "W&B" in str(w.message)]
    assert "`xinc sync run`" in said

    server.fault = "ok"
    main(["sync", "run"])
    assert [(row["_step"], row["train/psnr"]) for row in server.run().rows] == [
        (1, 21.0),
        (2, 22.0),
        (3, 23.0),
    ]
    assert json.loads(server.run().summary)["best/epoch"] == 3
    assert server.run().exit_code == 0
    assert server.url in capsys.readouterr().out


@pytest.mark.parametrize(("sent", "checkpoint"), [([1, 2, 3, 4], 2), ([1], 3), ([1, 2], 2)])
def test_resumed_run_repeats_nothing_and_leaves_nothing_out(sent, checkpoint, server, metrics_file):
    """The server may be ahead of the checkpoint, or behind it: the process was killed."""
    first = WandbRun(save_dir="first")
    log(first, sent)
    position = first.position()
    first.close(exit_code=137)
    assert server.run().exit_code == 137

    run = metrics_file(range(1, checkpoint + 1))
    second = WandbRun(save_dir=str(run))
    second.begin("fit", run, checkpoint, position)
    log(second, range(checkpoint + 1, 7))
    second.close()
    rows = server.run().rows
    assert [(row["_step"], row["epoch"], row["train/psnr"]) for row in rows] == [
        (e, e, 20.0 + e) for e in range(1, 7)
    ]
    summary = json.loads(server.run().summary)
    assert (summary["best/psnr"], summary["best/epoch"]) == (30.0, 3)


def test_parts_that_were_offline_are_sent_as_one(server, metrics_file, monkeypatch):
    run = metrics_file([1, 2, 3, 4])
    monkeypatch.setenv("WANDB_MODE", "offline")
    position = {}
    for start, end in ((0, 3), (2, 4)):
        logger = WandbRun(save_dir=str(run), name="mine", tags=["a"])
        logger.begin("fit", run, start, position)
        log(logger, range(start + 1, end + 1))
        position = logger.position()
        assert logger.where() == "xinc sync run"
        logger.close()
    assert not server.runs
    monkeypatch.delenv("WANDB_MODE")
    for _ in range(2):  # the second time there is nothing to send
        main(["sync", "run"])
        assert [row["_step"] for row in server.run().rows] == [1, 2, 3, 4]
    assert server.run().said["displayName"] == "mine"
    assert server.run().said["tags"] == ["a"]


def test_run_of_version_0_1_goes_on_with_growing_steps(server, metrics_file):
    first = WandbRun(save_dir="first")
    log(first, range(1, 8))  # it counted calls: seven by its third epoch
    first.close()
    run = metrics_file([1, 2, 3])
    second = WandbRun(save_dir=str(run))
    second.begin("fit", run, 3, {"id": server.run().id, "step": 8})
    log(second, [4, 5])
    second.close()
    assert [row["_step"] for row in server.run().rows][-2:] == [8, 9]
    assert [row["epoch"] for row in server.run().rows][-2:] == [4, 5]


def test_environment_comes_first(server, monkeypatch):
    asked = {"PROJECT": "p", "NAME": "n", "RUN_GROUP": "g", "JOB_TYPE": "j", "TAGS": "a, b", "NOTES": "note"}
    for name, value in asked.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    logger = WandbRun(project="other", name="other", group="other", tags=["other"], save_dir="w")
    logger.begin("fit", Path("w"), 0, {})
    log(logger, [1])
    logger.close()
    said = server.run().said
    assert (server.run().project, said["displayName"], said["groupName"], said["jobType"]) == (
        "p",
        "n",
        "g",
        "j",
    )
    assert said["tags"] == ["a", "b"]


def test_what_wandb_measures_of_itself_is_not_waited_for(server):
    """It is flushed when Python exits, for as long as a hanging server likes."""
    logger = WandbRun()
    log(logger, [1, 2])
    logger.close()
    analytics = pytest.importorskip("wandb.analytics.opentelemetry.opentelemetry_proxy")
    assert analytics.get_open_telemetry_proxy() is None


@pytest.mark.parametrize(("mode", "near"), [("", ""), ("onlin", "; did you mean 'online'?")])
def test_mode_that_is_none_is_one_line(mode, near, server, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", mode)
    logger = WandbRun(save_dir="w")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        log(logger, [1])
        logger.close()
    (said,) = [str(w.message) for w in caught]
    assert said.startswith(f"WANDB_MODE is {mode!r}, so this run is logged offline{near}")
    assert not server.runs


def test_artifacts_and_alerts_are_there_for_those_who_ask(server):
    (Path("run") / "checkpoints").mkdir(parents=True)
    for name in ("checkpoints/last.ckpt", "checkpoints/best-epoch=0001-psnr=1.00.ckpt", "report.json"):
        (Path("run") / name).write_text("{}")
    logger = WandbRun(save_dir="run", checkpoints=True, alerts=True, finish_timeout=20)
    logger.begin("fit", Path("run"), 0, {})
    log(logger, [1])
    logger.close(1, "training diverged")
    kinds = sorted(
        (a["artifactTypeName"], sorted(x["alias"] for x in a["aliases"])) for a in server.artifacts
    )
    assert kinds == [("model", ["best", "latest"]), ("model", ["latest"]), ("report", ["latest"])]
    assert server.run().alerts == ["Training failed"]
    assert server.run().exit_code == 1


def test_folder_that_was_never_logged_is_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["sync", str(tmp_path)])
    assert stop.value.code == 1
    assert "has no wandb.json" in capsys.readouterr().err
