import warnings

import numpy as np
import pytest

from xinc_lightning.callbacks import GroupingVariance, NeuronsPerPixel

PARTITIONS = ["instances", "rgb", "gabor", "grid", "lattice"]


@pytest.mark.drawn
def test_figure_arrays_and_scalars_of_every_layer(toy_module, clip_of, analysed):
    callback = GroupingVariance(grid=(2, 4), shifts=4, max_null_neurons=9, frame=1)
    files, scalars = analysed(toy_module, clip_of(), callback, NeuronsPerPixel(frame=0))
    assert files["variance.png"].stat().st_size > 10_000
    layers = {name.split("/")[1] for name in scalars}
    assert len(layers) >= 3
    for layer in layers:
        arrays = files[f"variance/{layer}.npz"]
        assert arrays["scores_grid"].shape == arrays["dead"].shape
        assert arrays["null_grid"].shape == (4, min(9, (~arrays["dead"]).sum()))
        for name in PARTITIONS:
            found = scalars[f"variance/{layer}/{name}_median"]
            assert found == pytest.approx(np.median(arrays[f"scores_{name}"][~arrays["dead"]]))
            assert (f"variance/{layer}/{name}_rank" in scalars) == (name != "lattice")


def test_two_frames_at_once_do_not_mix(toy_module, clip_of, analysed):
    clip = clip_of()
    first, second = (
        GroupingVariance(["instances", "rgb"], (2, 4), shifts=0, frame=frame) for frame in (0, 2)
    )
    alone = analysed(toy_module, clip, second)[1]
    files, together = analysed(toy_module, clip, first, second)
    assert {"variance.png", "variance-frame=2.png"} <= files.keys()
    found = {name.replace("-frame=2", ""): value for name, value in together.items() if "-frame=2" in name}
    assert found == pytest.approx(alone, rel=1e-4)
    assert analysed(toy_module, clip, first)[1] != pytest.approx(alone, rel=1e-2)


def test_two_grids_of_one_frame_do_not_mix(toy_module, clip_of, analysed):
    clip = clip_of()
    coarse, fine = (GroupingVariance(["rgb", "grid"], grid, shifts=0) for grid in ((2, 2), (4, 8)))
    alone = {name: analysed(toy_module, clip, one)[1] for name, one in (("coarse", coarse), ("fine", fine))}
    together = analysed(toy_module, clip, coarse, fine)[1]
    found = {name.replace("-grid=4x8", ""): value for name, value in together.items() if "-grid" in name}
    assert found == pytest.approx(alone["fine"], rel=1e-4)
    found = {name: value for name, value in together.items() if "-grid" not in name}
    assert found == pytest.approx(alone["coarse"], rel=1e-4)
    assert alone["fine"] != pytest.approx(alone["coarse"], rel=1e-2)


def test_frames_without_a_mask_skip_instances_with_one_warning(toy_module, clip_of, analysed):
    clip = clip_of(masks=False)
    callback = GroupingVariance(["instances", "grid"], (2, 4), shifts=0)
    with pytest.warns(UserWarning, match="skips instances: frame 0 of 'toy' has no mask"):
        _, scalars = analysed(toy_module, clip, callback)
    assert not [name for name in scalars if "instances" in name or "rank" in name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert analysed(toy_module, clip, callback)[1] == scalars


def test_partitions_are_found_once_for_a_clip(clip_of):
    clip = clip_of()
    callback = GroupingVariance(["rgb"], (2, 4))
    labels = callback.labels(clip)
    assert callback.labels(clip) is labels
    assert callback.labels(clip_of()) is not labels


def test_chosen_layers_partitions_and_options(toy_module, clip_of, analysed):
    clip = clip_of()
    layer = "head" if toy_module.one_network else "layer3"
    options = {"partitions": ["grid"], "grid": (2, 4), "shifts": 3, "layers": [layer]}
    variance = analysed(toy_module, clip, GroupingVariance(**options))[1]
    assert {name.split("/")[1] for name in variance} == {layer}
    assert {name.split("/")[-1].split("_")[0] for name in variance} == {"grid"}
    spread = analysed(toy_module, clip, GroupingVariance(**options, std=True))[1]
    key = f"variance/{layer}/grid_q25"
    assert 0 < variance[key] < spread[key] < 1


@pytest.mark.parametrize("shifts", [1, -3])
def test_single_shift_is_rejected(shifts):
    with pytest.raises(ValueError, match=f"shifts must be 0 .*, got {shifts}"):
        GroupingVariance(shifts=shifts)
