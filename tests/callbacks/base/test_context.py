"""What analyses share: one pass, named partitions, contributions that are numbers."""

import json

import numpy as np
import pytest
import torch

from xinc_lightning.callbacks import (
    AnalysisContext,
    ContributionMaps,
    ContributionVsIntensity,
    FlowVsFluctuation,
    GroupingVariance,
    Needs,
    NeuronClusters,
    NeuronsPerPixel,
    PixelsPerNeuron,
    PixelsToNeurons,
    Reconstructions,
    Sink,
    ThingsAndStuff,
)
from xinc_lightning.callbacks.base.isolation import undisturbed
from xinc_lightning.callbacks.base.runner import AnalysisRunner
from xinc_lightning.canvas import Canvas

EIGHT = (
    *(ContributionMaps, GroupingVariance, ContributionVsIntensity, PixelsPerNeuron),
    *(NeuronsPerPixel, ThingsAndStuff, FlowVsFluctuation, NeuronClusters),
)


@pytest.fixture
def run_analyses(tmp_path):
    """Run callbacks on one network in several evaluations; returns the last folder and its scalars."""

    def run(module, clip, callbacks, evaluations=1):
        runner = AnalysisRunner(callbacks)
        for epoch in range(1, evaluations + 1):
            folder = tmp_path / f"epoch={epoch:04d}"
            with undisturbed(module), Sink(folder, [], epoch, 0) as sink:
                runner.run(module, clip, sink, callbacks)
        settings = json.loads((folder / "settings.json").read_text())
        assert "errors" not in settings, settings["errors"]
        return folder, json.loads((folder / "scalars.json").read_text())["scalars"]

    return run


def said(recwarn):
    return [str(w.message) for w in recwarn if w.category is UserWarning]


def test_a_look_renders_only_the_frames_that_it_shows(toy_module, clip_of, run_analyses, monkeypatch):
    rendered = []
    original = type(toy_module).reconstruct

    def recorded(self, positions=None):
        rendered.append(positions)
        return original(self, positions)

    monkeypatch.setattr(type(toy_module), "reconstruct", recorded)
    layer = toy_module.canvas_inputs(0)[0].canvas_layers()[-1].name
    run_analyses(toy_module, clip_of(), [Reconstructions(2), PixelsToNeurons(layers=[layer])])
    assert sorted(rendered) == [[0], [2]]


@pytest.mark.parametrize("frames", [3, 1])
def test_without_masks_other_analyses_run_and_skipped_ones_warn_once(
    toy_module, clip_of, run_analyses, recwarn, frames
):
    kind = type(toy_module)
    module = kind(target_bpp=600 * 3 / frames)
    module.size_for(frames, 16, 32)
    layers = ["block3", "head"] if kind.one_network else ["layer3"]
    callbacks = [cls(layers=layers, **({"shifts": 2} if cls is GroupingVariance else {})) for cls in EIGHT]
    folder, scalars = run_analyses(module, clip_of(frames, masks=False), callbacks, evaluations=2)
    assert (
        sorted({line.split(":")[0] for line in said(recwarn)})
        == [
            "FlowVsFluctuation is skipped",
            "GroupingVariance skips instances",
            "ThingsAndStuff is skipped",
        ][frames > 1 and kind.one_network :]
    )
    assert len(said(recwarn)) == len({*said(recwarn)})
    if frames == 1:
        assert "has only one frame, and so no motion" in "".join(said(recwarn))
    drawn = {path.stem for path in folder.glob("*.png")} | {path.name for path in folder.iterdir()}
    assert {"maps", "variance", "intensity", "pixels_per_neuron", "neurons_per_pixel"} <= drawn
    assert "neuron_clusters" in drawn
    assert not [name for name in scalars if "instances" in name or "things_and_stuff" in name]


def test_one_name_means_one_partition(toy_module, clip_of):
    one, other = torch.zeros(16, 32, dtype=torch.long), torch.ones(16, 32, dtype=torch.long)
    context = AnalysisContext(toy_module, clip_of(), 1, [Needs((0,), {"a": one})])
    context.request(Needs((1,), {"a": one.clone(), "b": other}))
    with pytest.raises(ValueError, match="two different partitions are named 'a'"):
        context.request(Needs((2,), {"a": other}))
    assert context.positions == (0, 1), "what was refused is not asked for"


def explode(module, value, neurons=slice(None)):
    """Let neurons of the last layer contribute Inf or NaN."""
    layer = module.network.canvas_layers()[-1]
    with torch.no_grad():
        layer.conv.weight[0, neurons] = value
    return layer.name


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_not_finite_neurons_are_counted_and_warned_of_once(scene, nerv, run_analyses, recwarn, value):
    layer = explode(nerv, value, slice(2))
    folder, scalars = run_analyses(nerv, scene.clip, [cls(layers=[layer]) for cls in EIGHT], evaluations=2)
    assert scalars[f"canvas/{layer}/not_finite"] == 2
    assert said(recwarn) == [f"2 neurons of layer '{layer}' contribute Inf or NaN and are excluded."]
    for name in ("pixels_per_neuron", "neurons_per_pixel", "variance", "intensity", "neuron_clusters"):
        with np.load(folder / name / f"{layer}.npz") as arrays:
            for key, array in arrays.items():
                assert array.dtype.kind not in "fc" or np.isfinite(array).all(), (name, key)
    for name in (
        f"neurons_per_pixel/{layer}/tau_50",
        f"things_and_stuff/{layer}/temporal_variation",
        f"flow_vs_fluctuation/{layer}/auc",
    ):
        assert scalars[name] is not None, name


def test_layer_without_finite_neurons_is_an_error(scene, nerv):
    with torch.no_grad():
        nerv.network.canvas_layers()[-1].conv.weight.fill_(float("nan"))
    context = AnalysisContext(nerv, scene.clip, 1, [Needs()])
    with (
        undisturbed(nerv),
        pytest.raises(ValueError, match=r"neurons of layer 'head' contribute Inf or NaN\.$"),
    ):
        context.statistics("head", 0)


@pytest.mark.parametrize(
    "options",
    [{"neuron": "output"}, {"neuron": "weight"}, {"head_activation": False}, {"maps": "effect"}],
)
def test_the_canvas_of_a_run_is_an_option(options, toy_module, clip_of, analysed):
    """One place for all analyses: they see the canvas that the module's options make."""
    toy_module.canvas_options = options
    network, inputs = toy_module.canvas_inputs(0)
    head = [*Canvas(network, **options).at(inputs)][-1].at(0)
    layers = {"layers": [head.name]}
    callbacks = [kind(**layers) for kind in EIGHT if kind is not GroupingVariance]
    files, _ = analysed(toy_module, clip_of(), *callbacks, GroupingVariance(shifts=2, seeds=2, **layers))
    saved = files[f"maps/{head.name}.npz"]
    np.testing.assert_allclose(saved["maps"], head.maps(saved["neurons"]).numpy(), atol=1e-6)
    assert len(saved["neuron_totals"]) == head.neurons
