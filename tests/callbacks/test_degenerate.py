"""Every analysis on what it is not made for: results or one clear line, no other noise, no error."""

import json
import math
import warnings

import pytest
import torch

from xinc_lightning.callbacks import (
    ContributionMaps,
    ContributionVsIntensity,
    FlowVsFluctuation,
    GroupingVariance,
    NeuronClusters,
    NeuronsPerPixel,
    PixelsPerNeuron,
    Reconstructions,
    ThingsAndStuff,
)
from xinc_lightning.data import PanopticClip, Segment
from xinc_lightning.modules import FFNModule, NeRVModule

pytestmark = pytest.mark.drawn


def analyses(layers):
    """All of them, on few layers and neurons."""
    return (
        ContributionMaps(2, layers=layers),
        ContributionVsIntensity(layers=layers),
        FlowVsFluctuation(layers=layers),
        GroupingVariance(shifts=2, max_null_neurons=4, layers=layers),
        NeuronClusters(layers=layers[-1:], max_neurons=20),
        NeuronsPerPixel(layers=layers),
        PixelsPerNeuron(layers=layers),
        Reconstructions(1),
        ThingsAndStuff(1, frames=2, layers=layers),
    )


LAYERS = {"nerv": ["block1", "head"], "ffn": ["layer1", "layer3"]}
NO_MOTION = "FlowVsFluctuation is skipped: every frame has its own FFN, so no neuron spans two frames."
ONE_CLUSTER = "GroupingVariance skips {}: frame 0 of 'toy' is a single cluster."
SKY, GRASS = Segment(1, "sky", "sky", False), Segment(2, "grass", "grass", False)


def clip(frames=2, height=16, width=16, segments=(SKY, GRASS), pictures=None):
    """Random pictures (or all of one grey) with the segments one below the other."""
    generator = torch.Generator().manual_seed(0)
    shown = torch.rand(frames, 3, height, width, generator=generator)
    if pictures is not None:
        shown = torch.full_like(shown, pictures)
    mask = torch.zeros(height, width, dtype=torch.long)
    for place, segment in enumerate(segments):
        mask[height * place // len(segments) :] = segment.id
    return PanopticClip("toy", shown, tuple(segments), (mask,) * frames)


def weights_of(layer):
    """Filled with a value; biases are 0."""

    def change(network, value):
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if layer is None or layer in name:
                    parameter.fill_(value if "bias" not in name else 0)

    return change


whole, first = weights_of(None), weights_of("0")


def case(clip, value=None, change=whole, said=()):
    return clip, value, change, said


CASES = {
    "dead network": case(clip(), 0.0, said=("ThingsAndStuff is skipped: no layer has a live neuron.",)),
    "one dead layer": case(clip(), 0.0, first),
    "constant maps": case(clip(pictures=0.5), 0.01, said=(ONE_CLUSTER.format("rgb and gabor"),)),
    "single segment": case(clip(segments=(SKY,)), said=(ONE_CLUSTER.format("instances"),)),
    "all void": case(
        clip(segments=()),
        said=(
            "ThingsAndStuff is skipped: the masks of 'toy' have no segment in the analysed frames.",
            ONE_CLUSTER.format("instances"),
        ),
    ),
    "one frame": case(
        clip(frames=1),
        said=("FlowVsFluctuation is skipped: the clip 'toy' has only one frame, and so no motion.",),
    ),
    "few pixels": case(clip(height=4, width=4)),
}


def network(kind, clip):
    shape = [len(clip), clip.height, clip.width]
    if kind == "ffn":
        module = FFNModule(target_parameters=300, clip_shape=shape)  # the last layer has 3 neurons a unit
    else:
        module = NeRVModule(target_parameters=20_000, strides=[2, 2], clip_shape=shape)
    return module.eval()


@pytest.mark.parametrize("kind", ["nerv", "ffn"])
@pytest.mark.parametrize("name", CASES)
def test_degenerate_input_gives_results_or_one_line(name, kind, analysed):
    clip, value, change, said = CASES[name]
    module = network(kind, clip)
    if value is not None:
        change(module.network, value)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        warnings.simplefilter("ignore", ImportWarning)  # umap's, which Python shows nobody
        files, scalars = analysed(module, clip, *analyses(LAYERS[kind]))
    expected = set(said)
    if kind == "ffn" and len(clip) > 1:
        expected.add(NO_MOTION)
    assert {str(w.message) for w in caught} == expected
    assert len(caught) == len(expected)
    assert all(value is not None and math.isfinite(value) for value in scalars.values())
    pictures = {path for path in files if path.endswith(".png")}
    assert {"reconstructions.png", "variance.png", "pixels_per_neuron.png"} <= pictures
    assert ("things_and_stuff.png" in pictures) == (not any("ThingsAndStuff" in line for line in said))
    assert json.loads(files["scalars.json"].read_text())["scalars"] == scalars


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e30])
@pytest.mark.parametrize("kind", ["nerv", "ffn"])
def test_not_finite_weights_are_reported(kind, value, analysed):
    """Without a finite neuron an analysis says so; the reconstruction is drawn red where it is not finite."""
    clip_ = clip()
    module = network(kind, clip_)
    whole(module.network, value)
    layers = LAYERS[kind][-1:]
    for analysis in (ContributionMaps(2, layers=layers), NeuronsPerPixel(layers=layers)):
        with pytest.raises(ValueError, match="contribute Inf or NaN"):
            analysed(module, clip_, analysis)
    files, _ = analysed(module, clip_, Reconstructions(1))
    assert "reconstructions.png" in files
