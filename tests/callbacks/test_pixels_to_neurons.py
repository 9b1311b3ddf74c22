import numpy as np
import pytest
import torch

from xinc_lightning.callbacks import GroupingVariance, PixelsToNeurons


def test_tables_of_every_layer_against_all_maps(toy_module, clip_of, analysed):
    clip = clip_of()
    files, scalars = analysed(
        toy_module, clip, PixelsToNeurons(frame=1, cells=200), GroupingVariance(shifts=0)
    )
    network, inputs = toy_module.canvas_inputs(1)
    from xinc_lightning.canvas import Canvas

    canvas = Canvas(network).at(inputs)
    frame = files["pixels_to_neurons/frame.npz"]
    assert frame["layers"].tolist() == list(canvas.layers)
    assert frame["segments"].tolist() == ["sky", "grass"]
    np.testing.assert_array_equal(frame["frame"], (clip.frames[1] * 255).round().byte().permute(1, 2, 0))
    for layer in canvas:
        saved = files[f"pixels_to_neurons/{layer.name}.npz"]
        sizes = layer.maps(range(layer.neurons))[:, 0].abs().double()
        cells = torch.nn.functional.avg_pool2d(sizes, int(saved["cell"])).numpy()
        assert saved["cell"] == 2
        best = np.sort(cells, 0)[::-1][:8]
        there = len(best)  # the other places of a layer of fewer neurons are empty
        assert not saved["shares"][..., there:].any()
        assert (saved["top"][..., there:] == -1).all()
        np.testing.assert_allclose(
            saved["shares"][..., :there], np.moveaxis(best / cells.sum(0), 0, -1), rtol=1e-4, atol=1e-7
        )
        np.testing.assert_allclose(
            np.take_along_axis(cells, np.moveaxis(saved["top"][..., :there], -1, 0), 0),
            best,
            rtol=1e-4,
            atol=1e-7,
        )
        inside = sizes[:, 10:].mean((1, 2)) / sizes.mean((1, 2))  # grass
        liked = saved["favourites"][1]
        np.testing.assert_allclose(saved["preferences"][1][liked >= 0], inside[liked[liked >= 0]], rtol=1e-4)
        assert 0 < scalars[f"pixels_to_neurons/{layer.name}/top8_share"] <= 1


def test_clip_without_masks_has_no_segment_neurons(toy_module, clip_of, analysed):
    files, _ = analysed(toy_module, clip_of(masks=False), PixelsToNeurons())
    assert files["pixels_to_neurons/frame.npz"]["labels"].size == 0
    layer = str(files["pixels_to_neurons/frame.npz"]["layers"][0])
    assert files[f"pixels_to_neurons/{layer}.npz"]["favourites"].shape == (0, 8)


def test_saved_neurons_are_kept_after_a_resume(toy_module, clip_of, analysed):
    first = PixelsToNeurons(maps=4)
    files, _ = analysed(toy_module, clip_of(), first)
    layer = str(files["pixels_to_neurons/frame.npz"]["layers"][1])
    before = files[f"pixels_to_neurons/{layer}.npz"]["kept"].tolist()
    resumed = PixelsToNeurons(maps=4)
    resumed.load_state_dict(first.state_dict())
    with torch.no_grad():
        for parameter in toy_module.parameters():
            parameter.copy_(torch.randn_like(parameter))
    files, _ = analysed(toy_module, clip_of(), resumed)
    after = files[f"pixels_to_neurons/{layer}.npz"]["kept"].tolist()
    assert len(before) == 4
    assert after[:4] != before
    assert len(set(before) & set(after)) >= 2
    assert len(after) <= 6


def test_errors():
    with pytest.raises(ValueError, match=r"neurons and cells must be at least 1 .* got 0"):
        PixelsToNeurons(neurons=0)
