"""Which clip and which setting a run is of."""

import pytest

from xinc_lightning.runs.reader import RunError, read_run
from xinc_lightning.studies.population import population


def test_runs_of_one_source_that_share_a_frame_are_of_one_clip(write_run):
    paths = [
        write_run("nerv-001", frames=range(30)),
        write_run("ffn-001", "FFN", frames=[0]),
        write_run("nerv-002", frames=range(34, 64)),
        write_run("ffn-002", "FFN", frames=[34]),
        write_run("nerv-003", path="bikes", frames=range(30)),
    ]
    found = population([read_run(path) for path in paths])
    assert found.clips == ("bunny 0–29", "bunny 0–29", "bunny 34–63", "bunny 34–63", "bikes")
    assert found.sources == 2
    assert found.settings == ("NeRV", "FFN", "NeRV", "FFN", "NeRV")


def test_windows_that_overlap_are_one_clip(write_run):
    windows = [range(10), range(20, 30), range(5, 25)]
    paths = [write_run(f"nerv-{n}", seed=n, frames=frames) for n, frames in enumerate(windows)]
    found = population([read_run(path) for path in paths])
    assert len(found.clip_names) == 1


def test_folders_of_the_same_name_are_different_clips(write_run):
    paths = [write_run(f"nerv-{n}", path=f"scene{n}/images") for n in range(2)]
    assert len(population([read_run(path) for path in paths]).clip_names) == 2


def test_settings_are_the_options_that_differ_within_an_architecture(write_run):
    callbacks = [{"class_path": "c.GroupingVariance", "init_args": {"grid": [4, 8], "every_n_epochs": 1}}]
    others = [{"class_path": "c.GroupingVariance", "init_args": {"grid": [2, 2], "every_n_epochs": 5}}]
    paths = [
        write_run("nerv-001", bpp=16.0, trainer={"callbacks": callbacks}),
        write_run("nerv-002", bpp=32.0, trainer={"callbacks": callbacks, "devices": 2}),
        write_run("nerv-003", bpp=32.0, trainer={"callbacks": others}),
        write_run("ffn-001", "FFN", bpp=8.0),
    ]
    assert population([read_run(path) for path in paths]).settings == (
        "NeRV · grid=[4, 8], target_bpp=16.0",
        "NeRV · grid=[4, 8], target_bpp=32.0",
        "NeRV · grid=[2, 2], target_bpp=32.0",
        "FFN",
    )


def test_unfinished_and_repeated_runs_are_left_out(write_run):
    whole = {"max_epochs": 20}
    paths = [
        write_run("nerv-001", epochs=(10, 20)),
        write_run("nerv-002", epochs=(10, 20)),
        write_run("nerv-003", seed=2, epochs=(10,), finished=False, trainer=whole),
        write_run("nerv-004", seed=3, epochs=(10,), trainer=whole),
    ]
    found = population([read_run(path) for path in paths])
    assert [run.name for run in found.runs] == ["nerv-001", "nerv-004"], "the last stopped early by itself"
    assert found.left_out == (
        f"{paths[1]}: the same setting, clip and seed as {paths[0]}.",
        f"{paths[2]}: not finished, epoch 10 of 20.",
    )


def test_no_runs_are_no_population():
    with pytest.raises(RunError, match="no run"):
        population([])
