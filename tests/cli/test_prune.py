"""``xinc prune`` on tiny trained runs, and ``prune.yaml``."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from xinc_lightning.cli.main import main
from xinc_lightning.cli.prune import main as prune
from xinc_lightning.loggers.run_rows import summary_row
from xinc_lightning.modules.clip_file import decode_clip, encode_clip, facts_of
from xinc_lightning.modules.loading import load_run
from xinc_lightning.runs.reader import read_run
from xinc_lightning.server.clips import clip_of_run
from xinc_lightning.server.exact import ExactCanvases


def train(config: str, name: str, *args: str) -> Path:
    callbacks = "--trainer.callbacks=[Checkpoints]"
    main(["fit", "--config", config, callbacks, "--trainer.logger=false", f"--name={name}", *args])
    return Path("runs") / f"{name}-001"


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_curves_of_several_runs(tiny_configs, capsys):
    runs = [train("tiny.yaml", f"seed{seed}", f"--seed_everything={seed}") for seed in (1, 2)]
    capsys.readouterr()
    by = ["contribution", "magnitude:size", "random"]
    prune([*map(str, runs), "--by", *by, "--shares", "0.5", "0", "0.8", "--frames", "2", "--fold"])
    out = capsys.readouterr().out
    assert "contribution:equal" in out
    assert "±" in out
    rows = rows_of(Path("prune/pruning.csv"))
    assert len(rows) == 2 * 3 * 3
    assert {(row["score"], row["allocation"]) for row in rows} == {
        ("contribution", "equal"),
        ("magnitude", "size"),
        ("random", "equal"),
    }
    arrays = np.load("prune/pruning.npz")
    assert arrays["psnr"].shape == (2, 3, 3)
    assert arrays["shares"].tolist() == [0, 0.5, 0.8]
    assert (np.diff(arrays["bytes"], axis=2) < 0).all()
    assert arrays["kernels"][:, :, 1] == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(arrays["bpp"], 8 * arrays["bytes"] / (6 * 16 * 32))
    assert Path("prune/pruning.png").stat().st_size > 1000

    module, clip = load_run(runs[0])  # without pruning it is the file of xinc encode
    assert arrays["bytes"][0, 0, 0] == len(encode_clip(module, facts_of(clip))[0])


def test_curves_of_logged_runs_are_logged(tiny_configs, capsys, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    logger = "--trainer.logger=xinc_lightning.callbacks.WandbRun"
    main(["fit", "--config", "tiny.yaml", "--trainer.callbacks=[Checkpoints]", logger, "--name=logged"])
    prune(["runs/logged-001", "--by", "magnitude", "--shares", "0", "0.5", "--frames", "2"])
    assert "W&B: xinc sync prune" in capsys.readouterr().out
    row = summary_row(Path("prune"))
    (scored,) = rows_of(Path("prune/pruning.csv"))[1:]
    assert row.scalars["psnr/magnitude_equal/50_percent"] == pytest.approx(float(scored["psnr"]))
    assert row.pictures["pruning"].is_file()
    assert row.tables["pruning"].is_file()
    assert len(list(Path("prune/wandb").glob("offline-run-*"))) == 1


@pytest.mark.parametrize("name", ["ffn", "siren"])
def test_units_of_a_network_for_each_frame(name, tiny_configs, capsys):
    run = train(f"{name}.yaml", name)
    prune([str(run), "--by", "contribution", "first-order:mean", "--unit", "channel", "--shares", "0", "0.5"])
    rows = rows_of(Path("prune/pruning.csv"))
    assert all(float(row["kernels"]) < 0.5 for row in rows if row["share_pruned"] == "0.5")


@pytest.mark.parametrize("config", ["tiny.yaml", "ffn.yaml"])
def test_the_neurons_of_a_selection_go_and_the_numbers_are_those_of_the_page(config, tiny_configs, capsys):
    main(["fit", "--config", config])
    run = read_run(Path("runs/tiny-001"))
    removed = (
        {"head": [0, 4], "block1": [1, 2]} if config == "tiny.yaml" else {"layer2": [3], "layer3": [0, 1]}
    )
    page = ExactCanvases(lambda: [run], clip_of_run).without(0, 6, 2, removed)
    selection = {"run": run.name, "epoch": 6, "frame": 2, "removed": removed}
    Path("selection.json").write_text(json.dumps(selection))
    capsys.readouterr()
    prune([str(run.path), "--mask", "selection.json"])
    out = capsys.readouterr().out
    before, after = re.findall(r"PSNR of frame 2 +(\S+) dB +(\S+) dB", out)[0]
    assert (before, after) == (f"{page['whole_psnr']:.2f}", f"{page['psnr']:.2f}")
    content = Path("prune/pruned.xinc").read_bytes()
    assert f"{len(content):,} bytes" in out
    layers = {layer.name: layer.kernels for layer in decode_clip(content).module.layer_weights()}
    if config == "tiny.yaml":
        outputs = layers["head"].shape[1]
        assert all(not layers["head"][0, n % outputs, n // outputs].any() for n in (0, 4))
    else:
        assert not layers["layer2"][:, :, 3].any()


def test_selections_that_do_not_fit(tiny_configs, capsys):
    run = train("tiny.yaml", "seed1")
    mask = Path("selection.json")
    mask.write_text(json.dumps({"run": "seed1-001", "epoch": 5, "frame": 2, "removed": {"head": [0]}}))

    def refused(*args) -> str:
        with pytest.raises(SystemExit):
            prune(args)
        return capsys.readouterr().err.strip().splitlines()[-1]

    assert "--mask is of one run, got 2" in refused(str(run), str(run), "--mask", str(mask))
    assert "--fold says what is pruned" in refused(str(run), "--mask", str(mask), "--fold")
    assert "cannot be read" in refused(str(run), "--mask", "none.json")
    assert "has no analyses" in refused(str(run), "--mask", str(mask))
    assert not Path("prune").exists()


def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def refused(*args) -> str:
        with pytest.raises(SystemExit):
            prune(args)
        line = capsys.readouterr().err.strip()
        assert "\n" not in line
        return line

    assert "no run 'none'" in refused("none")
    assert "no score 'contributon'" in refused("none", "--by", "contributon")
    assert "did you mean 'contribution'" in refused("none", "--by", "contributon")
    assert "no allocation 'fair'" in refused("none", "--by", "magnitude:fair")
    assert "shares that are pruned lie in [0, 1)" in refused("none", "--shares", "1")
    assert "bits must be between 2 and 12" in refused("none", "--bits", "16")
    assert not Path("prune").exists()


def test_shipped_config_adds_pruning_to_any_other(tiny_configs, capsys):
    """After other epochs here; analyses and the report see the pruned network."""
    options = ["--trainer.callbacks.epochs=[2,4]", "--trainer.callbacks.shares=[0.3,0.6]"]
    main(["fit", "--config", "tiny.yaml", "--config", "prune.yaml", *options])
    out = capsys.readouterr().out
    assert "pruned by contribution after epoch 2: 70" in out
    run = Path("runs/nerv-pruned-001")
    config = yaml.safe_load((run / "config.yaml").read_text())
    classes = [c["class_path"].rpartition(".")[2] for c in config["trainer"]["callbacks"]]
    assert classes.count("Pruning") == 1
    assert "Report" in classes
    rows = rows_of(run / "analyses/epoch=0006/neurons.csv")
    pruned = [row["pruned"] == "True" for row in rows if row["layer"] == "head"]
    assert 0.5 < sum(pruned) / len(pruned) < 0.75
