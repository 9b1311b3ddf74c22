"""``xinc compare`` on runs made by hand, of which every number is known."""

import csv
import io
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from xinc_lightning.callbacks import MetricsFile
from xinc_lightning.cli.compare import figures_of, main
from xinc_lightning.figures.overlay import _style_of
from xinc_lightning.runs.reader import RunError, read_run
from xinc_lightning.studies.comparison import (
    compare,
    csv_table,
    markdown_table,
    matched_layers,
    matched_snapshots,
)
from xinc_lightning.studies.overlays import evolutions, pixels_per_neuron_histograms, sorted_variances

NERV = {10: 20.0, 20: 25.0, 40: 30.0}
FFN = {20: 24.0, 30: 26.5}


def make_run(folder, module, seed, psnr, layers, bpp):
    """A run whose every scalar is its epoch, with arrays of four neurons and ten pixels."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        f"seed_everything: {seed}\nmodel: {{class_path: xinc_lightning.modules.{module}}}\ndata: {{path: bunny}}\n"
    )
    rows = ["epoch,train/psnr,val/psnr,bpp", f",,,{bpp}"]
    for epoch, value in psnr.items():
        rows += [f"{epoch},{value - 5},,", f"{epoch},,{value},"]
        snapshot = folder / "analyses" / f"epoch={epoch:04d}"
        snapshot.mkdir(parents=True)
        scalars = {}
        for layer in layers:
            scalars[f"xinc/{layer}/variance/grid_median"] = float(epoch)
            scalars[f"xinc/{layer}/variance/grid_q25"] = 0.0
            scalars[f"xinc/{layer}/intensity/intensity_correlation"] = None if layer == "head" else 0.5
            (snapshot / "variance").mkdir(exist_ok=True)
            (snapshot / "pixels_per_neuron").mkdir(exist_ok=True)
            dead = np.array([False, True, False, False])
            np.savez(snapshot / f"variance/{layer}.npz", dead=dead, scores_grid=[0.3, np.nan, 0.1, 0.2])
            np.savez(snapshot / f"pixels_per_neuron/{layer}.npz", counts=[5, 0, 10, 0], dead=dead, pixels=10)
        record = {"epoch": epoch, "scalars": scalars, "settings": {"a": "later version's"}}
        (snapshot / "scalars.json").write_text(json.dumps(record))
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A NeRV that was followed for 40 epochs, and an FFN for 30."""
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "nerv-001", "NeRVModule", 1, NERV, ("block1", "block2", "head"), 31.85)
    make_run(tmp_path / "ffn-001", "FFNModule", 2, FFN, ("layer1", "layer2"), 32.2)
    (tmp_path / "nerv-001" / "report.json").write_text(json.dumps({"psnr": 30.1, "bpp": 31.85}))
    return [read_run(tmp_path / name) for name in ("nerv-001", "ffn-001")]


@pytest.mark.parametrize(
    ("at", "epochs"), [("last", [40, 30]), ("epoch", [20, 20]), ("psnr", [20, 30])], ids=str
)
def test_snapshots_that_are_compared(runs, at, epochs):
    """At matched PSNR, FFN's best of 26.5 dB is the target, and NeRV was nearest to it at 25."""
    assert [snapshot.epoch for snapshot in compare(runs, at).snapshots] == epochs


def test_psnr_is_of_the_clip_if_validated(runs):
    assert [s.psnr for s in runs[0].snapshots] == [20.0, 25.0, 30.1], "validation, and report.json at the end"
    (runs[1].path / "metrics.csv").write_text("epoch,train/psnr,val/psnr\n10,11,\n25,13,\n30,14,\n")
    assert [s.psnr for s in read_run(runs[1].path).snapshots] == [11.0, 14.0], "as last measured before"


def test_epochs_are_those_that_training_writes(runs):
    (runs[1].path / "metrics.csv").unlink()
    logger = MetricsFile(save_dir=str(runs[1].path))
    logger.log_metrics({"val/psnr": 24.0, "epoch": 20}, 300)
    logger.save()
    assert read_run(runs[1].path).measured == {20: 24.0}
    assert read_run(runs[1].path).metrics.curves["val/psnr"] == {20: 24.0}


def test_resumed_run_keeps_what_was_measured_before(runs):
    metrics = runs[1].path / "metrics.csv"
    metrics.rename(metrics.with_name("metrics-part1.csv"))
    metrics.write_text("epoch,val/psnr\n40,28\n")
    assert read_run(runs[1].path).measured == {20: 24.0, 30: 26.5, 40: 28.0}


def test_layers_match_by_name_else_by_depth(runs, tmp_path):
    assert [(p.name, p.layers) for p in matched_layers(runs)] == [
        ("block1", ("block1", None)),
        ("block2 | layer1", ("block2", "layer1")),
        ("head | layer2", ("head", "layer2")),
    ]
    light = read_run(make_run(tmp_path / "light-001", "NeRVModule", 3, {10: 20.0}, ("head",), 31.85))
    assert [(p.name, p.layers) for p in matched_layers([light, runs[0]])] == [
        ("block1", (None, "block1")),
        ("block2", (None, "block2")),
        ("head", ("head", "head")),
    ]


def test_layers_of_another_architecture_with_the_same_names_are_matched_from_the_output(runs, tmp_path):
    layers = ("layer1", "layer2", "layer3")
    siren = read_run(make_run(tmp_path / "siren-001", "SIRENModule", 1, FFN, layers, 32.0))
    assert [(p.name, p.layers) for p in matched_layers([runs[1], siren])] == [
        ("layer1", (None, "layer1")),
        ("layer1 | layer2", ("layer1", "layer2")),
        ("layer2 | layer3", ("layer2", "layer3")),
    ]


def test_table_holds_every_scalar(runs):
    rows = [*csv.reader(io.StringIO(csv_table(compare(runs))))]
    assert rows[0] == ["layer", "analysis", "quantity", "nerv-001", "ffn-001"]
    table = {tuple(row[:3]): row[3:] for row in rows[1:]}
    assert table["", "", "architecture"] == ["NeRV", "FFN"]
    assert table["", "", "PSNR at this epoch, dB"] == ["30.1", "26.5"]
    assert table["", "", "bpp"] == ["31.85", "32.2"], "of the FFN as logged: it did not end"
    assert table["head | layer2", "variance", "grid_median"] == ["40.0", "30.0"]
    assert table["block1", "variance", "grid_median"] == ["40.0", ""]
    assert table["head | layer2", "intensity", "intensity_correlation"] == ["nan", "0.5"]
    assert len(rows) == 1 + 12 + 3 * 3
    assert "| head \\| layer2 | variance | grid_median | 40 | 30 |" in markdown_table(compare(runs))


def test_contributions_and_effects_of_a_run_are_told_apart(tmp_path):
    folders = [tmp_path / name for name in ("nerv-001", "nerv-test-001")]
    for folder in folders:
        make_run(folder, "NeRVModule", 1, NERV, ["head"], 31.85)
    config = folders[1] / "config.yaml"
    config.write_text(config.read_text() + "canvas: {maps: effect}\n")
    comparison = compare([read_run(folder) for folder in folders])
    assert comparison.labels == ("nerv-001 (contributions)", "nerv-test-001 (effects)")
    assert next(row.values for row in comparison.summary() if row.name == "maps") == (
        "contribution",
        "effect",
    )


def test_overlays_show_the_numbers(runs):
    comparison = compare(runs)
    ((first, *_),) = sorted_variances(comparison)
    x, y = first.lines[0]
    assert x.tolist() == [0, 50, 100]
    assert y.tolist() == [0.1, 0.2, 0.3], "without the dead one"
    upper, lower = pixels_per_neuron_histograms(comparison)
    assert upper[0].lines[0][1].max() == 50, "two of four neurons have no pixel"
    assert lower[0].lines[0][1].tolist() == [0, 0, 50, 100]
    course = evolutions(comparison, "epoch")["variance"][0][-1]
    assert course.title == "head | layer2: grid_median"
    assert course.lines[0][0].tolist() == course.lines[0][1].tolist() == [10, 20, 40]
    assert evolutions(comparison, "psnr")["variance"][0][-1].lines[1][0].tolist() == [24.0, 26.5]
    assert len(evolutions(comparison, "epoch")["variance"]) == 1, "quartiles are in the table only"


def test_command_writes_and_prints(runs, tmp_path, capsys):
    main(["nerv-001", "ffn-001", "--at", "psnr", "--out", "here"])
    names = {path.name for path in (tmp_path / "here").iterdir()}
    assert {"table.csv", "table.md", "variance.png", "quality.png", "evolution_variance_by_psnr.png"} <= names
    printed = capsys.readouterr().out
    assert "grid_median" in printed
    assert "26.50" in printed or "26.5" in printed
    assert f"{len(names) - 2} figures" in printed


def test_missing_arrays_are_not_drawn(runs, tmp_path):
    only = read_run(make_run(tmp_path / "bare-001", "NeRVModule", 1, {10: 20.0}, (), 30))
    assert set(figures_of(compare([only, only]))[0]) == {"quality"}


def test_runs_of_one_name_have_distinct_labels(tmp_path):
    paths = [make_run(tmp_path / part / "nerv-001", "NeRVModule", 1, NERV, ("head",), 30) for part in "ab"]
    assert compare([read_run(p) for p in paths]).labels == tuple(map(str, paths))


def error_of(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(args)
    line = capsys.readouterr().err.strip()
    assert "\n" not in line
    return line.removeprefix("xinc: error: "), stop.value.code


def test_errors_are_one_sentence(runs, tmp_path, capsys):
    assert error_of(capsys, "nerv-01", "ffn-001") == (
        "compare: there is no run 'nerv-01'; did you mean 'nerv-001'?",
        1,
    )
    assert error_of(capsys, "nerv-001", "--at", "best")[1] == 2
    assert error_of(capsys)[1] == 2
    (tmp_path / "empty").mkdir()
    assert "has no analyses/epoch=NNNN" in error_of(capsys, "empty")[0]
    shutil.rmtree(tmp_path / "ffn-001/analyses/epoch=0020")
    message, code = error_of(capsys, "nerv-001", "ffn-001", "--at", "epoch")
    assert code == 1
    assert message.endswith("no analysed epoch in common: nerv-001 has 10, 20, 40; ffn-001 has 30.")
    (tmp_path / "ffn-001/metrics.csv").unlink()
    assert "the PSNR of 'ffn-001' is not known" in error_of(capsys, "nerv-001", "ffn-001", "--at", "psnr")[0]
    assert not (tmp_path / "compare").exists(), "nothing is written before everything is read"


def test_damaged_files_are_reported_and_the_rest_compared(runs, tmp_path, capsys):
    (tmp_path / "ffn-001/analyses/epoch=0030/variance/layer1.npz").write_bytes(b"cut off")
    (tmp_path / "nerv-001/analyses/epoch=0020/scalars.json").write_text("{")
    main(["nerv-001", "ffn-001"])
    said = capsys.readouterr()
    assert "note: ffn-001: analyses/epoch=0030/variance/layer1.npz cannot be read (BadZipFile)." in said.err
    assert "note: nerv-001: analyses/epoch=0020/scalars.json is no JSON" in said.err
    assert "grid_median" in said.out
    assert (tmp_path / "compare" / "variance.png").is_file()


def test_a_run_without_numbers_of_layers_has_no_figures_of_layers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = make_run(tmp_path / "bare-001", "NeRVModule", 1, {10: 20.0}, ("head",), 30)
    (folder / "analyses/epoch=0010/scalars.json").write_text("{")
    assert set(figures_of(compare([read_run(folder)]))[0]) == {"quality"}


def test_arrays_of_no_layer(runs):
    with pytest.raises(RunError, match="has no variance of stem"):
        runs[0].snapshots[0].arrays("variance", "stem")


def test_a_perfect_reconstruction_is_compared_like_any_other(runs, tmp_path, capsys):
    (tmp_path / "nerv-001/report.json").write_text('{"psnr": null, "ssim": 1.0}')
    (tmp_path / "nerv-001/metrics.csv").write_text("epoch,val/psnr\n20,25\n40,inf\n")
    for at in ("last", "psnr"):
        main(["nerv-001", "ffn-001", "--at", at])
    assert "∞" in capsys.readouterr().out
    both = [read_run(tmp_path / "nerv-001")] * 2
    assert [snapshot.psnr for snapshot in matched_snapshots(both, "psnr")] == [math.inf] * 2


def test_figures_that_nobody_could_read_are_named(tmp_path, monkeypatch, capsys):
    """41 thresholds are a row each, 301 layers a panel each."""
    monkeypatch.chdir(tmp_path)
    layers = [f"layer{n:03d}" for n in range(301)]
    snapshot = (
        make_run(tmp_path / "deep-001", "NeRVModule", 1, {10: 20.0}, layers, 30) / "analyses/epoch=0010"
    )
    (snapshot / "neurons_per_pixel").mkdir()
    share = np.zeros((41, 2, 2), np.float32)
    np.savez(snapshot / "neurons_per_pixel/layer000.npz", thresholds=np.linspace(0, 1, 41), share=share)
    monkeypatch.setattr("xinc_lightning.cli.compare.LONGEST", 100)
    main(["deep-001"])
    assert capsys.readouterr().err.splitlines() == [
        "note: 100 of 915 lines are shown; the files have all.",
        "note: not drawn, since more than 300 panels or 40 rows could not be read: "
        "variance, pixels_per_neuron, neurons_per_pixel.",
    ]
    drawn = {path.stem for path in Path("compare").glob("*.png")}
    assert "quality" in drawn
    assert not drawn & {"variance", "pixels_per_neuron", "neurons_per_pixel"}


def test_many_runs_are_a_line_each(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = [f"nerv-{n:03d}" for n in range(1, 51)]
    for seed, name in enumerate(names):
        make_run(tmp_path / name, "NeRVModule", seed, {10: 20.0 + seed}, (), 30)
    main(names)
    lines = capsys.readouterr().out.splitlines()
    shown = [line for line in lines if line.strip().startswith("nerv-")]
    assert len(shown) == 50
    assert all(f"{20 + seed}" in line and len(line) < 200 for seed, line in enumerate(shown))
    styles = {(style["color"], str(style["linestyle"])) for style in map(_style_of, range(50))}
    assert len(styles) == 50, "no two runs are drawn alike"


def test_names_of_strangers_are_shown_and_do_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = "bear [old] [red] $x$ \x1b[2J|"
    folder = make_run(tmp_path / name, "NeRVModule", 1, {10: 20.0}, ("head",), 30)
    main([name])
    said = capsys.readouterr().out
    assert "bear [old] [red] $x$ \ufffd[2J|" in said
    assert "\x1b" not in said
    assert "bear \\[old\\] \\[red\\] $x$ \ufffd\\[2J\\|" in Path("compare/table.md").read_text(
        encoding="utf-8"
    )
    assert folder.is_dir()


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_output_places_that_cannot_be_are_one_line(runs, tmp_path, capsys, place):
    (tmp_path / "file").write_text("ours")
    message, code = error_of(capsys, "nerv-001", "--out", place)
    assert (code, "cannot be written" in message) == (1, True)
    assert (tmp_path / "file").read_text() == "ours"
