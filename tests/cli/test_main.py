"""The command line as a user meets it: every shipped config, every command, the errors people make."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import torch
import yaml

from xinc_lightning.cli.configs import shipped_configs
from xinc_lightning.cli.main import main

ROOT = Path(__file__).parents[2]
SMALL = ["--data.resize", "[32, 64]", "--data.frames", "0:4", "--trainer.max_epochs", "2"]
"""Makes any config a matter of seconds."""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(undrawn, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(sys, "argv", ["xinc"])


def error_of(capsys, *args):
    """The one line that a failing command prints, and its exit code."""
    with pytest.raises(SystemExit) as stop:
        main(args)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("xinc: error: ")
    return lines[0].removeprefix("xinc: error: "), stop.value.code


NEED_DATA = {"cityscapes_vps.yaml", "davis.yaml", "vipseg.yaml"}
"""Configs that are run on miniature datasets, in tests/data/test_through_cli.py."""
ADDED = {"light.yaml", "prune.yaml"}
"""Configs that come on top of another."""
PLANS = {"fleet_demo.yaml"}
"""Plans of `xinc fleet`, see tests/studies/fleet/test_plan.py."""


@pytest.mark.parametrize("name", sorted(set(shipped_configs()) - NEED_DATA - ADDED - PLANS))
def test_every_shipped_config_fits_tests_and_predicts(name, capsys):
    frames = ["--data.frames", "0:18"] * (
        name == "hnerv.yaml"
    )  # its narrowest network needs the bits of so many
    main(["fit", "--config", name, *SMALL, *frames])
    run = Path("runs") / f"{name.removesuffix('.yaml')}-001"
    report = json.loads((run / "report.json").read_text())
    assert report["psnr"] > 3
    assert 0 < report["bpp"] <= 32.55
    assert 0 < report["coded_bits_per_parameter"] < 32
    assert {p.name for p in (run / "checkpoints").iterdir()} >= {"last.ckpt"}
    assert (run / "analyses" / "epoch=0002" / "reconstructions.png").is_file()
    assert [*(run / "analyses" / "epoch=0002" / "maps").glob("*.png")]
    assert not [*(run / "analyses").glob(".*")]
    rows = [*csv.DictReader((run / "metrics.csv").open())]
    assert [row["train/psnr"] for row in rows if row["train/psnr"]]
    resolved = yaml.safe_load((run / "config.yaml").read_text())
    assert resolved["trainer"]["max_epochs"] == 2
    assert resolved["data"]["path"] == "bunny"

    main(
        ["test", "--config", str(run / "config.yaml"), "--ckpt_path", str(run / "checkpoints" / "last.ckpt")]
    )
    snapshots = [
        json.loads((folder / "analyses" / "epoch=0002" / "scalars.json").read_text())
        for folder in (run, Path(f"runs/{name.removesuffix('.yaml')}-test-001"))
    ]
    assert snapshots[0]["global_step"] == snapshots[1]["global_step"] > 0
    tested = json.loads(Path(f"runs/{name.removesuffix('.yaml')}-test-001/report.json").read_text())
    assert tested["psnr"] == pytest.approx(report["psnr"], abs=1e-4)
    assert "bits/parameter" in capsys.readouterr().out


def test_light_config_replaces_the_analyses():
    main(["fit", "--config", "nerv.yaml", "--config", "light.yaml", *SMALL])
    found = {p.stem for p in Path("runs/nerv-001/analyses/epoch=0002").rglob("*.png")}
    assert found == {"reconstructions", "head", "neurons_per_pixel", "contribution_distribution"}


def test_predict_writes_frames_and_a_video(tiny_clip):
    tiny = ["--data.path", str(tiny_clip), "--data.resize", "[16, 32]", "--data.frames", "1::2"]
    tiny += ["--model.target_bpp", "600"]
    main(["fit", "--config", "quick.yaml", *tiny, "--trainer.max_epochs", "1"])
    main(["predict", "--config", "quick.yaml", *tiny, "--ckpt_path", "last"])
    folder = Path("runs/quick-predict-001/frames")
    assert sorted(p.name for p in folder.iterdir()) == ["00001.png", "00003.png", "00005.png", "clip.mp4"]
    video = cv2.VideoCapture(str(folder / "clip.mp4"))
    count = 0
    while video.read()[0]:
        count += 1
    assert count == 3
    assert cv2.imread(str(folder / "00003.png")).shape == (16, 32, 3)

    some = ["--data.batch_size", "2", "--trainer.limit_predict_batches", "1"]
    main(["predict", "--config", "quick.yaml", *tiny, *some, "--ckpt_path", "last"])
    pictures = Path("runs/quick-predict-002/frames").glob("*.png")
    assert sorted(p.name for p in pictures) == ["00001.png", "00003.png"]


def test_a_video_as_ffns_in_one_run():
    main(["fit", "--config", "ffn.yaml", *SMALL, "--data.frames", "[0, 5, 10]"])
    checkpoint = torch.load("runs/ffn-001/checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["state_dict"]["network.weights.0"].shape[0] == 3
    assert checkpoint["hyper_parameters"]["clip_shape"] == [3, 32, 64]


def test_callbacks_can_be_added_on_the_command_line():
    added = "--trainer.callbacks+=xinc_lightning.callbacks.ContributionMaps"
    main(["fit", "--config", "quick.yaml", *SMALL, added, "--trainer.callbacks.layers=[block3]"])
    found = Path("runs/quick-001/analyses/epoch=0002")
    assert {p.parent.name for p in found.glob("maps*/*.png")} == {
        "maps",
        "maps-layers=block3",
    }


def test_cadences_of_a_config_and_a_strict_failure(monkeypatch, capsys):
    cadences = {
        "trainer": {
            "callbacks": [
                {"class_path": "xinc_lightning.callbacks.Reconstructions", "init_args": options}
                for options in ({"epochs": [0]}, {"log_spaced": 2}, {"every_n_epochs": 3}, {"strict": True})
            ]
        }
    }
    Path("cadences.yaml").write_text(yaml.safe_dump(cadences))
    args = ["fit", "--config", "quick.yaml", "--config", "cadences.yaml", *SMALL, "--trainer.max_epochs", "4"]
    main(args)
    analyses = Path("runs/quick-001/analyses")
    assert sorted(path.name for path in analyses.iterdir()) == [f"epoch=000{n}" for n in (0, 1, 3, 4)]
    assert len([*(analyses / "epoch=0004").glob("reconstructions*.png")]) == 4
    capsys.readouterr()

    monkeypatch.setattr("xinc_lightning.callbacks.reconstructions.truth_and_reconstruction", lambda *_: 1 / 0)
    with pytest.raises(SystemExit) as stop:
        main(args)
    assert capsys.readouterr().err.splitlines()[-1] == (
        "xinc: error: Reconstructions every_n_epochs=100 failed at epoch 4: ZeroDivisionError: division by zero."
    )
    assert stop.value.code == 1


def test_resume_continues_in_the_same_run():
    main(["fit", "--config", "quick.yaml", *SMALL])
    main(["fit", "--config", "quick.yaml", *SMALL, "--trainer.max_epochs", "4", "--ckpt_path", "last"])
    assert [p.name for p in Path("runs").iterdir()] == ["quick-001"]
    assert torch.load("runs/quick-001/checkpoints/last.ckpt", weights_only=True)["trained_epochs"] == 4


def test_run_resumes_from_its_best_checkpoint():
    """What was logged past that checkpoint is kept aside."""
    every = ["--trainer.check_val_every_n_epoch", "2", "--trainer.max_epochs", "3"]
    main(["fit", "--config", "quick.yaml", *SMALL, *every])
    run = Path("runs/quick-001")
    (saved,) = (run / "checkpoints").glob("best-*.ckpt")
    assert torch.load(saved, weights_only=True)["trained_epochs"] == 2
    main(["fit", "--config", "quick.yaml", *SMALL, *every, "--ckpt_path", str(saved)])
    weights = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert weights["trained_epochs"] == 3
    assert (run / "metrics-part1.csv").exists()
    rows = [*csv.DictReader((run / "metrics.csv").open())]
    assert [row["epoch"] for row in rows if row["train/psnr"]] == ["1", "2", "3"]


def test_checkpoint_of_another_network_is_named(capsys):
    main(["fit", "--config", "ffn.yaml", *SMALL, "--data.frames", "[0]"])
    capsys.readouterr()
    saved = "runs/ffn-001/checkpoints/last.ckpt"
    message, code = error_of(capsys, "test", "--config", "nerv.yaml", "--ckpt_path", saved)
    assert message == f"'{saved}' is a checkpoint of FFNModule, but the config's model is NeRVModule."
    assert code == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--data.frmes", "3"], "there is no option 'data.frmes'; did you mean 'data.frames'?"),
        (["--model.target_bp", "3"], "there is no option 'target_bp'; did you mean 'target_bpp'?"),
        (["--model.class_path", "NeRVModul"], "there is no class 'NeRVModul'; did you mean 'NeRVModule'?"),
        (
            ["--trainer.callbacks+=xinc_lightning.callbacks.ContributionMap"],
            "there is no class 'xinc_lightning.callbacks.ContributionMap'; did you mean 'ContributionMaps'?",
        ),
        (["--trainer.max_epochs", "abc"], "trainer.max_epochs must be int or null, got 'abc'."),
        (
            ["--trainer.callbacks+=PixelsPerNeuron", "--trainer.callbacks.log_space=3"],
            "there is no option 'log_space'; did you mean 'log_spaced'?",
        ),
        (["--model.loss", "l3"], "loss must be one of 'l2', 'l1', 'l1+ssim', got 'l3'."),
        (["--model.learning_rate", "fast"], "learning_rate must be float, got 'fast'."),
    ],
)
def test_unknown_options_suggest_the_nearest(args, message, capsys):
    assert error_of(capsys, "fit", "--config", "nerv.yaml", *args) == (message, 2)


@pytest.mark.parametrize(
    ("line", "given", "message"),
    [
        (
            "import not_there",
            "Mine",
            "class 'my_callbacks.Mine' cannot be imported: No module named 'not_there'.",
        ),
        (
            "raise ValueError('oh dear')",
            "Mine",
            "trainer.callbacks: 'my_callbacks.Mine' failed: oh dear.",
        ),
        ("pass", "Other", "there is no class 'my_callbacks.Other'"),
    ],
)
def test_a_callback_of_ones_own_that_cannot_be_imported_says_why(line, given, message, capsys, monkeypatch):
    Path("my_callbacks.py").write_text(
        f"from lightning.pytorch import Callback\n\nclass Mine(Callback):\n    pass\n\n{line}\n"
    )
    monkeypatch.syspath_prepend(".")
    monkeypatch.delitem(sys.modules, "my_callbacks", raising=False)
    told, code = error_of(
        capsys, "fit", "--config", "nerv.yaml", f"--trainer.callbacks+=my_callbacks.{given}"
    )
    assert told.startswith(message)
    assert code == 2


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["--data.path", "nowhere.mp4"], "'nowhere.mp4' does not exist"),
        (["--data.resize", "[100, 200]"], "the nearest such size is 96×192"),
        (["--model.target_bpp", "0.5"], "the narrowest such network takes"),
        (["--model.target_bpp", "null"], "give exactly one of the two"),
        (["--data.frames", "[0, 999]"], "999"),
        (["--ckpt_path", "last"], "no run named 'nerv' in 'runs' has a last checkpoint"),
        (["--ckpt_path", "none.ckpt"], "there is no file 'none.ckpt'"),
        (
            ["--trainer.callbacks+=PixelsPerNeuron", "--trainer.callbacks.layers=[hed]"],
            "PixelsPerNeuron: there is no layer 'hed'; there are block1, block2, block3, head; did you mean 'head'?",
        ),
        (
            ["--trainer.callbacks+=PixelsPerNeuron", "--trainer.callbacks.frame=30"],
            "PixelsPerNeuron: frame=30 is outside the clip 'bunny', whose frames have the positions 0 … 29; the "
            "nearest is 29.",
        ),
        (
            [
                "--trainer.callbacks+=PixelsPerNeuron",
                "--trainer.callbacks.epochs=[1]",
                "--trainer.callbacks.log_spaced=3",
            ],
            "epochs=[1], log_spaced=3: give at most one of every_n_epochs, epochs, log_spaced and at_checkpoints.",
        ),
    ],
)
def test_invalid_input_is_one_line_and_leaves_no_folder(args, part, capsys):
    message, code = error_of(capsys, "fit", "--config", "nerv.yaml", *args)
    assert part in message
    assert code == 1
    assert not [*Path("runs").glob("*")]


def test_unreadable_checkpoint(capsys):
    Path("bad.ckpt").write_text("<html>not found</html>")
    message, code = error_of(capsys, "test", "--config", "nerv.yaml", "--ckpt_path", "bad.ckpt")
    assert message == "'bad.ckpt' is not a checkpoint: it begins with b'<html>not found<'."
    assert code == 1


def test_untrained_network_is_not_tested(capsys):
    message, code = error_of(capsys, "test", "--config", "nerv.yaml")
    assert "`test` needs a trained network" in message
    assert code == 1


def test_checkpoint_does_not_silently_override_hyperparameters(capsys):
    main(["fit", "--config", "quick.yaml", *SMALL])
    capsys.readouterr()
    message, code = error_of(
        capsys, "test", "--config", "quick.yaml", *SMALL, "--ckpt_path", "last", "--model.target_bpp", "20"
    )
    assert "model.target_bpp is 20.0 in this command but 32.55 in the checkpoint" in message
    assert "--config runs/quick-001/config.yaml" in message
    assert code == 1


def test_checkpoint_of_another_clip_is_rejected(capsys):
    main(["fit", "--config", "quick.yaml", *SMALL])
    capsys.readouterr()
    message, _ = error_of(
        capsys, "test", "--config", "quick.yaml", *SMALL, "--ckpt_path", "last", "--data.frames", "0:3"
    )
    assert message == "The network was built for 4 frames of 32×64 pixels, the data has 3 frames of 32×64."


def test_unknown_command_and_config(capsys):
    message, code = error_of(capsys, "fitt")
    assert message.startswith("there is no command 'fitt'; the commands are fit, validate, ")
    assert message.endswith("did you mean 'fit'?")
    assert code == 2
    message, code = error_of(capsys, "fit", "--config", "nervv.yaml")
    assert message.endswith("did you mean 'nerv.yaml'?")
    assert code == 2


def test_config_in_the_working_directory_takes_precedence(capsys):
    text = shipped_configs()["quick.yaml"].read_text()
    Path("nerv.yaml").write_text(text.replace("name: quick", "name: mine").replace("[head]", "[block3]"))
    main(["fit", "--config=nerv.yaml", *SMALL])
    assert Path("runs/mine-001/analyses/epoch=0002/maps/block3.png").is_file()


def test_exit_codes_of_a_separate_process(tmp_path):
    def xinc(*args):
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "xinc_lightning", *args]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)

    assert xinc().stdout.startswith("usage: xinc COMMAND")
    assert xinc("--version").returncode == 0
    missing = xinc("fit", "--config", "nerv.yaml", "--data.path", "nowhere.mp4")
    assert missing.returncode == 1
    assert "Traceback" not in missing.stderr
    good = xinc("fit", "--config", "quick.yaml", *SMALL, "--trainer.callbacks=[Checkpoints,Report]")
    assert good.returncode == 0, good.stderr
    assert "8-bit size" in good.stdout
    assert "logged offline" in good.stdout
    assert good.stderr == ""
