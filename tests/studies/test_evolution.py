"""``xinc evolution`` on runs made by hand."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from xinc_lightning.cli.evolution import main
from xinc_lightning.data import encode_gif
from xinc_lightning.runs.reader import RunError, read_run
from xinc_lightning.studies.evolution import (
    MOST_NEURONS,
    growing_heat_maps,
    growing_neurons,
    titles,
    write_film,
)

EPOCHS = {5: [2, 7, 9], 10: [9, 2, 4], 20: [2, 4, 9]}
"""Which neurons were logged when: 7 and 4 come and go, as the largest ones do."""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Neuron n's map is n times the epoch everywhere."""
    monkeypatch.chdir(tmp_path)
    for epoch, neurons in EPOCHS.items():
        folder = tmp_path / "nerv-001" / "analyses" / f"epoch={epoch:04d}"
        (folder / "maps").mkdir(parents=True)
        (folder / "neurons_per_pixel").mkdir()
        (folder / "scalars.json").write_text(json.dumps({"scalars": {"xinc/head/maps/dead_fraction": 0.0}}))
        maps = np.array(neurons)[:, None, None] * np.full((1, 8, 16), float(epoch))
        np.savez(
            folder / "maps/head.npz",
            neurons=neurons,
            labels=[f"#{n}" for n in neurons],
            maps=maps,
            total=maps.sum(0),
        )
        share = np.stack([np.full((8, 16), 0.5), np.full((8, 16), epoch / 100)])
        np.savez(folder / "neurons_per_pixel/head.npz", thresholds=[0.1, 0.5], share=share)
    (tmp_path / "nerv-001/metrics.csv").write_text("epoch,val/psnr\n5,20\n20,30\n")
    return read_run(tmp_path / "nerv-001")


def test_neurons_are_followed_by_index(run):
    grown = growing_neurons(run, "head")
    assert grown.neurons == (2, 9)
    assert grown.labels == ("#2", "#9")
    assert grown.maps[:, :, 0, 0].tolist() == [[10, 45], [20, 90], [40, 180]]
    assert growing_neurons(run, "head", [9]).maps[:, 0, 0, 0].tolist() == [45, 90, 180]


def test_heat_maps_of_every_snapshot(run):
    snapshots, rows = growing_heat_maps(run)
    assert [s.epoch for s in snapshots] == [5, 10, 20]
    assert [row.label.split()[-1] for row in rows] == ["Σ|c|", "τ10", "τ50"]
    assert rows[2].maps["head"][:, 0, 0].tolist() == [5, 10, 20]
    assert titles(run, "layers", snapshots)[1:] == [
        "? layers · ? · epoch 10 · 20.00 dB",
        "? layers · ? · epoch 20 · 30.00 dB",
    ]


def test_command_writes_animations_with_a_fixed_scale(run, tmp_path, capsys):
    main(["nerv-001"])
    folder = tmp_path / "nerv-001" / "evolution"
    assert {p.name for p in folder.iterdir()} == {"head.gif", "head.mp4", "heat_maps.gif", "heat_maps.mp4"}
    assert "2 animations" in capsys.readouterr().out
    film = Image.open(folder / "heat_maps.gif")
    pictures = [np.asarray(picture.convert("RGB")).astype(int) for picture in ImageSequence.Iterator(film)]
    durations = [picture.info["duration"] for picture in ImageSequence.Iterator(film)]
    assert durations == [500, 500, 2000]
    changed = np.abs(pictures[2] - pictures[0]).sum(-1) > 60
    rows = np.flatnonzero(changed.any(1))
    height = len(changed)
    assert rows.max() > 0.7 * height, "the share above τ50 grows"
    assert not changed[int(0.45 * height) : int(0.6 * height)].any(), "the share above τ10 stays, colours too"
    video = cv2.VideoCapture(str(folder / "head.mp4"))
    count = 0
    while video.read()[0]:
        count += 1
    assert count == 2 + 4, "the last one stays for two seconds"


def test_chosen_layers_and_neurons(run, tmp_path):
    main(["nerv-001", "--layers", "head", "--neurons", "9", "--out", "here"])
    assert {p.name for p in (tmp_path / "here").iterdir()} == {"head.gif", "head.mp4"}


def test_errors_are_one_sentence(run, tmp_path, capsys):
    def error_of(*args):
        with pytest.raises(SystemExit) as stop:
            main(args)
        line = capsys.readouterr().err.strip()
        assert "\n" not in line
        assert stop.value.code in (1, 2)
        return line.removeprefix("xinc: error: evolution: ")

    assert error_of("nerv-01") == "there is no run 'nerv-01'; did you mean 'nerv-001'?"
    assert error_of("nerv-001", "--layers", "block9").endswith("of a layer 'block9'; it has those of head.")
    assert error_of("nerv-001", "--neurons", "7") == (
        "'nerv-001' has no maps of neuron 7 of head at every snapshot; it has those of 2, 9."
    )
    assert "invalid int value" in error_of("nerv-001", "--neurons", "many")


def test_gif_has_one_palette(tmp_path):
    frames = np.zeros((2, 8, 8, 3), np.uint8)
    frames[0, :, :4], frames[1, :, 4:] = (200, 30, 10), (10, 30, 200)
    (tmp_path / "film.gif").write_bytes(encode_gif(frames, [0.2, 0.4]))
    read = [np.asarray(f.convert("RGB")) for f in ImageSequence.Iterator(Image.open(tmp_path / "film.gif"))]
    assert np.abs(np.stack(read).astype(int) - frames).max() <= 2


def test_animations_lose_no_row_or_column(tmp_path):
    pictures = np.zeros((2, 33, 47, 3), np.uint8)
    pictures[:, -1], pictures[:, :, -1] = 255, 255
    write_film(tmp_path, "odd", pictures)
    shown = cv2.VideoCapture(str(tmp_path / "odd.mp4")).read()[1]
    assert shown.shape == (34, 48, 3)
    assert shown[32].min() > 180
    assert shown[:, 46].min() > 180


def test_of_many_neurons_some_are_shown_and_what_is_damaged_is_left_out(run, monkeypatch):
    for epoch in EPOCHS:
        maps = np.ones((700, 8, 16), np.float32)
        path = run.path / f"analyses/epoch={epoch:04d}/maps/head.npz"
        np.savez(path, neurons=np.arange(700), labels=np.arange(700).astype(str), maps=maps, total=maps[0])
    path.write_bytes(path.read_bytes()[:-100])
    grown = growing_neurons(read_run(run.path), "head")
    assert len(grown.neurons) == MOST_NEURONS
    assert [snapshot.epoch for snapshot in grown.snapshots] == [5, 10]
    monkeypatch.setattr("xinc_lightning.studies.evolution.MOST_BYTES", 1000)
    with pytest.raises(RunError, match="too large for an animation; choose fewer --neurons"):
        growing_neurons(read_run(run.path), "head")


def test_animations_do_not_follow_links(run, tmp_path, capsys):
    (tmp_path / "ours").mkdir()
    (run.path / "evolution").symlink_to(tmp_path / "ours")
    with pytest.raises(SystemExit):
        main(["nerv-001"])
    assert "is a link that leads out of the run" in capsys.readouterr().err
    assert not [*(tmp_path / "ours").iterdir()]


def test_a_perfect_reconstruction_has_a_title(run):
    (run.path / "metrics.csv").write_text("epoch,val/psnr\n20,inf\n")
    again = read_run(run.path)
    assert titles(again, "layers", again.snapshots)[-1].endswith("epoch 20 · ∞ dB")
