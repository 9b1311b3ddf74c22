"""The same config and seed twice, in two processes, gives the same results to the last bit."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch


def results(run: Path) -> dict[str, object]:
    """Everything in a run's folder that depends on neither its name nor the clock, by file."""
    found: dict[str, object] = {}
    for path in sorted(run.rglob("*.*")):
        name = str(path.relative_to(run))
        if path.name in ("seconds.json", "config.yaml", "hparams.yaml"):
            continue
        if path.suffix == ".npz":
            with np.load(path) as arrays:
                found[name] = {k: (v.dtype.str, v.shape, v.tobytes()) for k, v in arrays.items()}
        elif path.suffix == ".json":
            found[name] = json.loads(path.read_text())
        elif path.suffix == ".csv":
            with path.open() as file:
                found[name] = list(csv.DictReader(file))
        elif path.suffix == ".ckpt":
            weights = torch.load(path, weights_only=True)["state_dict"]
            found[name] = {k: v.numpy().tobytes() for k, v in weights.items()}
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


EPOCHS = {"NeRVModule": 3, "FFNModule": 2}
"""The analyses run at the second and at the last."""


@pytest.mark.parametrize("model", [pytest.param("NeRVModule", marks=pytest.mark.slow), "FFNModule"])
def test_same_seed_same_files_in_any_order_of_analyses(model, watched_config, xinc, tmp_path):
    for name, order in (("one", list), ("two", reversed)):
        done = xinc("fit", "--config", watched_config(model, name, order=order, max_epochs=EPOCHS[model]))
        assert done.returncode == 0, done.stderr
    one, two = (results(tmp_path / "runs" / f"{name}-001") for name in ("one", "two"))
    assert one.keys() == two.keys()
    layers = [name for name in one if name.endswith(".npz")]
    assert len(layers) > 15
    for name, content in one.items():
        if name.endswith("settings.json"):
            content = {**content, "analyses": sorted(content["analyses"])}  # type: ignore[dict-item]
            two[name] = {**two[name], "analyses": sorted(two[name]["analyses"])}  # type: ignore[dict-item,index]
        assert content == two[name], name
