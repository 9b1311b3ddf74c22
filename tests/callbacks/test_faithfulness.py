import pytest
import torch
from torch import nn

from xinc_lightning.callbacks import Faithfulness
from xinc_lightning.errors import UserError
from xinc_lightning.networks import ConvLayer


def test_every_layer_has_a_figure_and_numbers(toy_module, clip_of, analysed):
    files, scalars = analysed(toy_module, clip_of(), Faithfulness(neurons=12, frame=1))
    network, _ = toy_module.canvas_inputs(1)
    for layer in network.canvas_layers():
        saved = files[f"faithfulness/{layer.name}.npz"]
        assert len(saved["neurons"]) <= 12
        assert f"faithfulness/{layer.name}/cosine_median" in scalars
        assert f"faithfulness/{layer.name}.png" in files
    assert "effect_sum" in files["neurons.csv"].read_text()


def test_it_works_in_lightnings_inference_mode(toy_module, clip_of, analysed):
    """In ``test``, where no gradient can flow through what was made before."""
    _, expected = analysed(toy_module, clip_of(), Faithfulness(neurons=5))
    with torch.inference_mode():
        _, found = analysed(toy_module, clip_of(), Faithfulness(neurons=5))
    assert found == pytest.approx(expected, nan_ok=True)


def test_effects_as_maps_change_nothing(toy_module, clip_of, analysed):
    callback = Faithfulness(neurons=6, layers=[toy_module.canvas_inputs(0)[0].canvas_layers()[-1].name])
    _, scalars = analysed(toy_module, clip_of(), callback)
    toy_module.canvas_options = {"maps": "effect"}
    _, others = analysed(toy_module, clip_of(), callback)
    assert others == pytest.approx(scalars, nan_ok=True)


def test_layers_that_are_no_chain_are_skipped(toy_module, clip_of, analysed, monkeypatch):
    network = toy_module.canvas_inputs(0)[0]
    layers = network.canvas_layers()
    if not isinstance(layers[0], ConvLayer):
        pytest.skip("one kind of network is enough")
    wrong = ConvLayer(layers[0].name, layers[0].conv, layers[0].shuffle, torch.tanh)
    monkeypatch.setattr(network, "canvas_layers", lambda: [wrong, *layers[1:]])
    with pytest.warns(UserWarning, match=f"Faithfulness skips {wrong.name}, whose effects are not known"):
        files, _ = analysed(toy_module, clip_of(), Faithfulness(neurons=4))
    assert f"faithfulness/{wrong.name}.png" not in files
    assert f"faithfulness/{layers[1].name}.png" in files


def test_weights_stay_as_they_are(toy_module, clip_of, analysed):
    before = [p.clone() for p in toy_module.parameters()]
    analysed(toy_module, clip_of(), Faithfulness(neurons=4))
    assert all(torch.equal(*pair) for pair in zip(before, toy_module.parameters(), strict=True))
    assert not any(module._forward_hooks for module in toy_module.modules() if isinstance(module, nn.Conv2d))


def test_wrong_options_are_named():
    with pytest.raises(UserError, match="Faithfulness: neurons must be at least 1, got 0"):
        Faithfulness(neurons=0)
    with pytest.raises(
        UserError, match="Faithfulness: ablation must be zero or mean, got 'men'; did you mean"
    ):
        Faithfulness(ablation="men")
