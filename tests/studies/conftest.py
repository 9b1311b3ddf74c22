"""Runs made by hand, of which every number is known."""

import json
from pathlib import Path

import pytest
import yaml

LAYERS = {
    **{"NeRV": ("block1", "head"), "HNeRV": ("stem", "block1", "block2", "head")},
    **{"FFN": ("layer1", "layer2", "layer3"), "SIREN": tuple(f"layer{n}" for n in range(1, 6))},
}


@pytest.fixture
def write_run(tmp_path):
    """Write a finished run's folder; returns its path."""

    def write(
        name,
        architecture="NeRV",
        seed=1,
        path="bunny",
        frames=range(30),
        epochs=(10,),
        psnr=30.0,
        scalars=None,
        finished=True,
        bpp=32.0,
        **more,
    ) -> Path:
        run = tmp_path / name
        config = {
            "name": name,
            "seed_everything": seed,
            "model": {
                "class_path": f"xinc_lightning.modules.{architecture}Module",
                "init_args": {"target_bpp": bpp},
            },
            "data": {"path": path, "frames": f"{min(frames)}:{max(frames) + 1}"},
            "trainer": {"max_epochs": max(epochs)},
        }
        config["trainer"] |= more.pop("trainer", {})
        for epoch in epochs:
            snapshot = run / "analyses" / f"epoch={epoch:04d}"
            snapshot.mkdir(parents=True)
            (snapshot / "scalars.json").write_text(json.dumps({"scalars": scalars or {}}))
            settings = {
                "network": {"layers": LAYERS[architecture]},
                "clip": {"indices": [*frames]},
            }
            (snapshot / "settings.json").write_text(json.dumps(settings))
        (run / "config.yaml").write_text(yaml.safe_dump(config | more))
        rows = [f"{epoch},{psnr - (max(epochs) - epoch) / 10}" for epoch in epochs]
        (run / "metrics.csv").write_text("\n".join(["epoch,val/psnr", *rows]) + "\n")
        if finished:
            (run / "report.json").write_text(json.dumps({"psnr": psnr, "bpp": bpp, "ssim": 0.9}))
        return run

    return write
