"""Datasets through the command line, to the figures."""

import json
import sys
from pathlib import Path

import pytest

from xinc_lightning.cli.main import main

SMALL = ["--data.resize", "[16, 32]", "--trainer.max_epochs", "2", "--model.target_bpp", "150"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(sys, "argv", ["xinc"])


@pytest.mark.parametrize("dataset", ["cityscapes_vps", "vipseg", "davis"])
def test_a_clip_of_each_dataset_trains_and_gives_figures(dataset, request, undrawn):
    miniature = request.getfixturevalue(dataset.removesuffix("_vps"))
    clip_id = next(iter(list_ids(miniature.root)))
    place = ["--data.path", str(miniature.root), "--data.clip_id", clip_id, "--data.crop", "null"]
    main(["fit", "--config", f"{dataset}.yaml", *place, *SMALL])
    run = Path(f"runs/{dataset}-001")
    figures = {path.stem for path in (run / "analyses" / "epoch=0002").rglob("*.png")}
    assert figures >= {
        "variance",
        "things_and_stuff",
        "flow_vs_fluctuation",
        "reconstructions",
        "block1",
        "head",
    }
    scalars = json.loads((run / "analyses" / "epoch=0002" / "scalars.json").read_text())["scalars"]
    assert "variance/head/instances_median" in scalars
    assert (run / "report.json").is_file()


def list_ids(root):
    from xinc_lightning.data import list_clips

    return [clip.id for clip in list_clips(root)]


def test_an_ffn_of_one_frame_of_a_dataset(cityscapes, undrawn):
    place = ["--data.path", str(cityscapes.root), "--data.clip_id", "0005", "--data.frames", "[4]"]
    main(["fit", "--config", "ffn.yaml", *place, *SMALL])
    assert Path("runs/ffn-001/report.json").is_file()


def test_clips_are_listed(cityscapes, capsys):
    main(["clips", "--data.path", str(cityscapes.root)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["clip", "frames", "resolution", "instances", "annotated", "frames", "problem"]
    assert lines[1].split()[:2] == ["0005", "30"]
    assert lines[1].split()[-1] == "6"
    assert lines[2].split()[0] == "0010"


def test_output_to_a_file_is_not_cut(vipseg, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    long = "a clip whose name is longer than many a terminal is wide, as names of downloaded files tend to be"
    for folder in ("images", "panomasksRGB", "panomasks"):
        (vipseg.root / folder / "0_wHBO8eMSsgo").rename(vipseg.root / folder / long)
    vipseg.edit(lambda content: content["annotations"][0].update(video_id=long))
    (vipseg.root / "images" / long / "00000000.jpg").unlink()
    main(["clips", "--data.path", str(vipseg.root)])
    _, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    (line,) = (line for line in lines if long in line)
    assert line.rstrip().endswith(f"there is no '00000000.jpg' in '{vipseg.root / 'images' / long}'")


@pytest.mark.parametrize(
    ("clip_id", "part"),
    [("0006", "did you mean '0010' or '0005'?"), (None, "choose one by clip_id: 0005, 0010")],
)
def test_missing_clip_is_one_line(cityscapes, capsys, clip_id, part):
    chosen = ["--data.clip_id", clip_id or "null"]
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", "nerv.yaml", "--data.path", str(cityscapes.root), *chosen])
    assert stop.value.code == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert part in line
