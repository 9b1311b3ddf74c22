"""Lightning's TensorBoardLogger gets every number and picture that W&B gets; read back by TensorBoard's own reader."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from lightning.fabric.loggers import tensorboard
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from xinc_lightning.cli.main import main

LOGGER = {"class_path": "lightning.pytorch.loggers.TensorBoardLogger", "init_args": {"save_dir": "boards"}}
SMALL = [
    *("--data.resize", "[16, 32]", "--data.frames", "0:4", "--model.target_bpp", "600"),
    *("--trainer.max_epochs", "2", "--trainer.check_val_every_n_epoch", "1"),
]


@pytest.fixture
def fit(tmp_path, monkeypatch):
    """Fit the quick config with this list of loggers."""

    def run(*loggers):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("WANDB_MODE", "offline")
        Path("loggers.yaml").write_text(json.dumps({"trainer": {"logger": loggers}}))
        main(["fit", "--config", "quick.yaml", "--config", "loggers.yaml", *SMALL])

    return run


def test_tensorboard_gets_all_scalars_and_figures(fit, capsys):
    fit(LOGGER, {"class_path": "xinc_lightning.callbacks.MetricsFile"})
    (folder,) = Path("boards/lightning_logs").iterdir()
    assert f"tensorboard --logdir {folder}" in capsys.readouterr().out
    read = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    read.Reload()

    run = Path("runs/quick-001")
    rows = [*csv.DictReader((run / "metrics.csv").open())]
    for name in rows[0].keys() - {"step"}:
        # TensorBoard keeps 32 bits.
        expected = [(int(row["step"]), np.float32(row[name])) for row in rows if row[name]]
        assert [(e.step, np.float32(e.value)) for e in read.Scalars(name)] == expected, name
    assert "train/psnr" in rows[0]
    assert any("completeness_error" in name for name in rows[0])

    folder = run / "analyses/epoch=0002"
    names = {path: str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.png")}
    # A figure of all layers has a name of two parts, too: by the first part it is beside the layers' scalars.
    pictures = {name if "/" in name else f"{name}/figure": path for path, name in names.items()}
    assert {*read.Tags()["images"]} == {*pictures} != set()
    for name, path in pictures.items():
        (event,) = read.Images(name)
        shown = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
        assert np.array_equal(shown, np.asarray(Image.open(path).convert("RGB"))), name
        assert event.step == int(rows[-1]["step"])


def test_missing_tensorboard_is_one_line(fit, capsys, monkeypatch):
    for name in ("_TENSORBOARD_AVAILABLE", "_TENSORBOARDX_AVAILABLE"):
        monkeypatch.setattr(tensorboard, name, False)
    with pytest.raises(SystemExit) as stop:
        fit(LOGGER)
    assert stop.value.code == 1
    assert capsys.readouterr().err.strip() == (
        "xinc: error: TensorBoardLogger: Neither `tensorboard` nor `tensorboardX` is available. "
        "Try `pip install`ing either."
    )
    assert not Path("runs").exists()
